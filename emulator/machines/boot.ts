import { existsSync } from "node:fs";
import { join } from "node:path";
import type { World } from "../frame/world.ts";
import { listenMetadata } from "../metadata/listen.ts";
import { unpackContent } from "./content.ts";
import { attachBootDisk } from "./datadisks.ts";
import { killMarked } from "./group.ts";
import { type Guest, prepareGuest } from "./guest.ts";
import { Init } from "./init.ts";
import type { MachineSpec } from "./machines.ts";
import type { Reaper } from "./reaper.ts";

export interface RunningMachine {
  ip: string;
  stop(graceMs: number): Promise<void>;
}

export interface Boot {
  world: World;
  agent: string;
  /** Folder of kept images. */
  images: string;
  reaper: Reaper;
  spec: MachineSpec;
  /** The instance's own folder; `root` in it is its disk. */
  folder: string;
  print(text: string): void;
}

/** Powers a machine on: disk, metadata server, init. Resolves when the init has begun. */
export async function bootMachine({
  world,
  agent,
  images,
  reaper,
  spec,
  folder,
  print,
}: Boot): Promise<RunningMachine> {
  const say = (line: string) => print(`init: ${line}\n`);
  const root = join(folder, "root");
  const bin = join(folder, "bin");
  if (spec.bootDisk !== undefined) attachBootDisk(folder, spec.bootDisk);
  const again = existsSync(root);
  if (!again && spec.content === undefined) {
    say(`${spec.name}: the image ${spec.image} holds nothing this emulator can boot`);
    return { ip: spec.ip, stop: async () => {} };
  }
  if (!again && spec.content !== undefined) await unpackContent(images, spec.content, root);
  // Leftovers of an emulator that was killed together with its reaper.
  if (again) killMarked(root);
  prepareGuest(root, bin, spec.disks);
  const metadata = await listenMetadata(world, spec).catch((problem: NodeJS.ErrnoException) => {
    throw problem.code === "EADDRNOTAVAIL" ? new Error(noAddress(spec.ip)) : problem;
  });
  say(`${spec.name} (${spec.id}) ${again ? "boots again" : "boots"}; metadata server at http://${metadata.address}/`);

  const { name, hostname } = spec;
  const guest: Guest = {
    name,
    hostname,
    folder,
    root,
    bin,
    metadata: metadata.address,
    clock: world.clock,
    say,
    print,
  };
  const init = new Init(guest, reaper);
  const stop = async (graceMs: number) => {
    await init.stop(graceMs);
    killMarked(root);
    await metadata.close();
  };
  try {
    await init.boot({ agent, origin: world.origin, attributes: spec.attributes() });
  } catch (problem) {
    await stop(0);
    throw problem;
  }
  return { ip: spec.ip, stop };
}

function noAddress(ip: string): string {
  return (
    `this computer has no address ${ip}, which an instance needs for itself. Linux has all of 127.0.0.0/8; ` +
    `elsewhere add them (macOS: sudo ifconfig lo0 alias ${ip}) or start the emulator with virtual instances`
  );
}
