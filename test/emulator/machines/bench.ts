import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, vi } from "vitest";
import { createMachines, type EmulatedMachines } from "../../../emulator/machines/index.ts";
import type { MachineSpec } from "../../../emulator/machines/machines.ts";
import { image } from "./image.ts";
import { makeSpec, makeWorld } from "./world.ts";

export interface Bench {
  folder: string;
  machines: EmulatedMachines;
  /** Powers on a machine made of these files, or again one that was. */
  boot(files: Record<string, string>, part?: Parameters<typeof makeSpec>[0]): Promise<Machine>;
}

export interface Machine {
  spec: MachineSpec;
  root: string;
  serial(): string;
  /** Waits until the serial console shows it. */
  shows(what: string | RegExp): Promise<void>;
  again(): Promise<void>;
  get(path?: string): Promise<Answered>;
}

/** What SERVER answers. */
export interface Answered {
  env: Record<string, string>;
  cwd: string;
  argv: string[];
  uid: number;
}

/** Process machines in a folder of their own. When the test is over nothing of them may be left. */
export function bench(agent = ""): Bench {
  const folder = mkdtempSync(join(tmpdir(), "moult-machines-"));
  const machines = createMachines(makeWorld(folder), { kind: "process", agent });
  onTestFinished(async () => {
    await machines.close();
    const left = programsOf(folder);
    rmSync(folder, { recursive: true, force: true });
    expect(left, "programs that outlived their machine").toEqual([]);
  });
  const boot: Bench["boot"] = async (files, part = {}) => {
    const spec = makeSpec({ content: machines.addContent(await image(files)), ...part });
    let serial = "";
    const start = () =>
      machines.start(spec, {
        serial: (text) => {
          serial += text;
        },
      });
    await start();
    return {
      spec,
      root: join(folder, "instances", `${spec.name}-${spec.id}`, "root"),
      serial: () => serial,
      shows: (what) =>
        vi.waitFor(() => (typeof what === "string" ? expect(serial).toContain(what) : expect(serial).toMatch(what)), {
          timeout: 10_000,
          interval: 10,
        }),
      again: start,
      get: async (path = "/") => (await fetch(`http://${spec.ip}:8080${path}`)).json() as Promise<Answered>,
    };
  };
  return { folder, machines, boot };
}

/** Command lines of living programs that run in an instance beneath the folder. Linux only. */
export function programsOf(folder: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        const alive = !/^.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
        if (!alive || !environment.includes(`INSTANCE_ROOT=${folder}/`)) return [];
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        return [];
      }
    });
}
