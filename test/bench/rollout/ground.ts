import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cloudOf, openRest } from "../../../cli/cloud.ts";
import { send, taken } from "../../../cli/fleet/order.ts";
import { startFunctions } from "../../../cli/project/functions.ts";
import { setUpProject, setUpTriggers } from "../../../cli/project/setup.ts";
import { until } from "../../../cli/waiting.ts";
import type { Cloud } from "../../../functions/controller/cloud.ts";
import { loadRecord } from "../../../functions/controller/records.ts";
import type { FleetRecord } from "../../../functions/core/record.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import type { Rest } from "../../../functions/google/rest.ts";
import type { Bundles } from "./bundles.ts";
import { PROJECT } from "./names.ts";
import { type CountingProxy, startProxy } from "./proxy.ts";

/** The emulator and the functions as programs of their own, with a counting proxy between them; we ask past the proxy. */
export interface Ground {
  kind: "virtual" | "process";
  url: string;
  env: Record<string, string>;
  proxy: CountingProxy;
  cloud: Cloud;
  compute: Compute;
  root: Rest;
  /** Under /compute/v1/. */
  computeRest: Rest;
  record(fleet: string): Promise<FleetRecord>;
  /** Until the record says so; asks every 20 ms. */
  reach(fleet: string, what: string, there: (record: FleetRecord) => boolean, withinMs?: number): Promise<FleetRecord>;
  apply(fleet: string, document: unknown): Promise<void>;
  log: string[];
  close(): Promise<void>;
}

interface Ready {
  url: string;
  env: Record<string, string>;
}

export async function openGround(kind: Ground["kind"], bundles: Bundles): Promise<Ground> {
  const { PATH = "", TMPDIR } = process.env;
  const bare = { PATH, HOME: "/nonexistent", ...(TMPDIR && { TMPDIR }) };
  const program = join(import.meta.dirname, "emulator.ts");
  const emulator = spawn(process.execPath, [program, kind, bundles.agent], {
    env: bare,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const log: string[] = [];
  try {
    const { url, env } = await readyLine(emulator);
    const proxy = await startProxy(url);
    const root = openRest(`${url}/`);
    const place = { rest: root, project: PROJECT, location: "us-central1" };
    await setUpProject(place);
    const functions = await startFunctions({
      bundle: bundles.functions,
      env: { ...through(env, url, proxy.origin), ...bare },
      log: (line) => void log.push(line),
    });
    await setUpTriggers(place, functions.origin);
    Object.assign(process.env, env);
    const cloud = cloudOf(env);
    const record = async (fleet: string) => (await loadRecord(cloud.state, fleet)).record;
    return {
      kind,
      url,
      env,
      proxy,
      cloud,
      compute: cloud.compute(PROJECT),
      root,
      computeRest: openRest(env.MOULT_COMPUTE_ENDPOINT ?? ""),
      record,
      reach: (fleet, what, there, withinMs = 300_000) =>
        until(
          what,
          async () => {
            const now = await record(fleet);
            return there(now) ? now : undefined;
          },
          { withinMs, everyMs: 20, explain: async () => JSON.stringify((await record(fleet)).reasons) },
        ),
      apply: async (fleet, document) => {
        const order = { kind: "apply", policy: document } as const;
        await taken(cloud, await send(cloud, fleet, order, "bench", { write: () => {} } as never));
      },
      log,
      close: async () => {
        await cloud.topics.close();
        await functions.close();
        await proxy.close();
        await end(emulator);
      },
    };
  } catch (problem) {
    await end(emulator);
    throw problem;
  }
}

/** What the functions call goes by way of the proxy. */
function through(env: Record<string, string>, url: string, origin: string): Record<string, string> {
  const [from, to] = [new URL(url).host, new URL(origin).host];
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace(from, to)]));
}

function readyLine(child: ChildProcess): Promise<Ready> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the emulator ended with ${code}`)));
    if (child.stdout)
      createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line) as Ready));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.stdin?.end();
  await ended;
}

export const secretValue = () => Buffer.from(randomBytes(24).toString("hex"));
