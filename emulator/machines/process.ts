import { appendFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { World } from "../frame/world.ts";
import { bootMachine, type RunningMachine } from "./boot.ts";
import { keepContent } from "./content.ts";
import { signalMarked } from "./group.ts";
import { keepDisks, processDisks } from "./keptdisks.ts";
import type { MachineEvents, MachineSpec, Machines } from "./machines.ts";
import { probeAddress } from "./probe.ts";
import { Reaper } from "./reaper.ts";

/** Machines that are real processes of this computer, each in a root file system of its own. */
export function createProcessMachines(world: World, agent: string): Machines {
  const images = join(resolve(world.folder), "images");
  const instances = join(resolve(world.folder), "instances");
  const reaper = new Reaper(instances);
  const running = new Map<string, RunningMachine>();
  const folders = new Map<string, string>();
  /** Starting, stopping and removing one machine take turns. */
  const turns = new Map<string, Promise<unknown>>();

  const inTurn = <T>(id: string, work: () => Promise<T>): Promise<T> => {
    const before = turns.get(id) ?? Promise.resolve();
    const turn = before.then(work, work);
    turns.set(id, turn);
    const forget = () => {
      if (turns.get(id) === turn) turns.delete(id);
    };
    turn.then(forget, forget);
    return turn;
  };

  /** After a restart of the emulator only the id is known; folders end in it. */
  const folderOf = (id: string): string | undefined => {
    const known = folders.get(id);
    if (known !== undefined) return known;
    const found = existsSync(instances) ? readdirSync(instances).find((name) => name.endsWith(`-${id}`)) : undefined;
    return found && join(instances, found);
  };

  const start = async (spec: MachineSpec, events: MachineEvents): Promise<void> => {
    if (running.has(spec.id)) throw new Error(`instance ${spec.name} runs already`);
    const folder = join(instances, `${spec.name}-${spec.id}`);
    mkdirSync(folder, { recursive: true });
    folders.set(spec.id, folder);
    const print = (text: string) => {
      // After its removal a machine may still have a last word.
      if (existsSync(folder)) appendFileSync(join(folder, "serial.log"), text);
      events.serial(text);
    };
    running.set(spec.id, await bootMachine({ world, agent, images, reaper, spec, folder, print }));
  };

  /** Nobody listens there to a request to shut down. */
  const paused = new Set<string>();

  const stop = async (id: string, graceMs: number): Promise<void> => {
    const machine = running.get(id);
    await machine?.stop(paused.has(id) ? 0 : graceMs);
    paused.delete(id);
    running.delete(id);
  };

  return {
    kind: "process",
    addContent: (tarball) => keepContent(images, tarball),
    start: (spec, events) => inTurn(spec.id, () => start(spec, events)),
    pause: (id) =>
      inTurn(id, async () => {
        const folder = folderOf(id);
        if (folder === undefined || !running.has(id)) return;
        paused.add(id);
        // Twice, for what was being started meanwhile.
        for (let i = 0; i < 2; i++) signalMarked(join(folder, "root"), "SIGSTOP");
      }),
    resume: (id) =>
      inTurn(id, async () => {
        const folder = folderOf(id);
        if (folder === undefined || !running.has(id)) throw new Error(`instance ${id} is off`);
        paused.delete(id);
        signalMarked(join(folder, "root"), "SIGCONT");
      }),
    stop: (id, graceMs) => inTurn(id, () => stop(id, graceMs)),
    disks: processDisks(join(resolve(world.folder), "disks"), folderOf),
    remove: (id, kept = []) =>
      inTurn(id, async () => {
        await stop(id, 0);
        const folder = folderOf(id);
        if (folder !== undefined) keepDisks(folder, kept);
        if (folder !== undefined) await rm(folder, { recursive: true, force: true });
        folders.delete(id);
      }),
    probe: async (id, probe) => {
      const machine = running.get(id);
      // Nobody answers at the address of a machine that is off.
      return machine ? probeAddress(world.clock, machine.ip, probe) : "TIMEOUT";
    },
    close: async () => {
      // A graceful stop under way is cut short: cutting the power twice does no harm.
      await Promise.all([...running.values()].map((machine) => machine.stop(0)));
      await Promise.allSettled(turns.values());
      await Promise.all([...running.keys()].map((id) => stop(id, 0)));
      await reaper.close();
    },
  };
}
