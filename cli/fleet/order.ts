import { randomBytes } from "node:crypto";
import { hostname, userInfo } from "node:os";
import type { Cloud } from "../../functions/controller/cloud.ts";
import { fleetNames, type Loaded, loadRecord, paths } from "../../functions/controller/records.ts";
import type { FleetRecord, HistoryEntry } from "../../functions/core/record.ts";
import { CliError, EXIT } from "../failure.ts";
import { nearest } from "../nearest.ts";
import type { Stream } from "../terminal/terminal.ts";
import { until } from "../waiting.ts";

/** A person's word to the control plane: the content of a command object (docs/contracts.md), without who and when. */
export type Order =
  | { kind: "apply"; policy: unknown }
  | { kind: "rollback" }
  | { kind: "stop"; reason: string }
  | { kind: "start" }
  | { kind: "lift"; key: string }
  | { kind: "pause"; reason: string }
  | { kind: "resume" }
  | { kind: "abort"; reason: string }
  | { kind: "approve"; release?: string }
  | { kind: "begin"; urgent: boolean; release?: string }
  | { kind: "hold"; reason: string; until?: string }
  | { kind: "unhold" }
  | { kind: "release" };

export interface Sent {
  fleet: string;
  object: string;
  /** Entries the history had before. */
  entries: number;
}

/** How long the control plane gets to take a command; a lost message waits for the next tick, a minute at most. */
export const TAKEN_MS = 90_000;

/** Requests at a time. */
const TOGETHER = 20;

/** For people, in history and reasons. Who really wrote the object is in the bucket's audit log. */
export function operator(env: Record<string, string | undefined>): string {
  if (env.MOULT_OPERATOR) return env.MOULT_OPERATOR;
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return hostname();
  }
}

/** Leaves the command for the control plane and rings. The command counts even when nobody hears the ring. */
export async function send(cloud: Cloud, fleet: string, order: Order, by: string, err: Stream): Promise<Sent> {
  const { record } = await loadRecord(cloud.state, fleet);
  const now = new Date().toISOString();
  const object = `${paths.commands(fleet)}${now}-${randomBytes(4).toString("hex")}.json`;
  await cloud.state.write(object, JSON.stringify({ ...order, by, at: now }), "0");
  try {
    await cloud.topics.ring("moult-commands", { fleet });
  } catch (problem) {
    err.write(
      `${(problem as Error).message}\nThe command is stored all the same; the next tick finds it, within a minute.\n`,
    );
  }
  return { fleet, object, entries: record.entries };
}

/** Waits until the control plane has taken the command. Returns what it wrote about it; throws when it refused. */
export async function taken(cloud: Cloud, sent: Sent, withinMs = TAKEN_MS): Promise<HistoryEntry[]> {
  await until(
    "the functions to take the command",
    async () => ((await cloud.state.read(sent.object)) ? undefined : true),
    {
      withinMs,
      explain: async () =>
        `It lies in gs://${cloud.state.name}/${sent.object} and is taken as soon as the functions run. ` +
        `If they are down, "moult stop ${sent.fleet} --direct" freezes the fleet without them.`,
    },
  );
  // Somebody else may have said something meanwhile; functions that are older do not write whose entry it is.
  const entries = (await entriesSince(cloud, sent.fleet, sent.entries)).filter(
    ({ command = sent.object }) => command === sent.object,
  );
  const refused = entries.find(({ what }) => what === "command-refused");
  if (refused) throw new CliError(EXIT.failed, refused.text);
  return entries;
}

/** History entries with a number above `before`, oldest first, including those that wait to be written. */
export async function entriesSince(cloud: Cloud, fleet: string, before: number): Promise<HistoryEntry[]> {
  const { record } = await loadRecord(cloud.state, fleet);
  const found = new Map(record.unwritten.map((entry) => [entry.number, entry]));
  const numbers = Array.from({ length: Math.max(0, record.entries - before) }, (_, i) => before + 1 + i);
  const stored = numbers.filter((number) => !found.has(number));
  for (let i = 0; i < stored.length; i += TOGETHER)
    await Promise.all(
      stored.slice(i, i + TOGETHER).map(async (number) => {
        const read = await cloud.state.read(paths.history(fleet, number));
        if (read) found.set(number, JSON.parse(read.text) as HistoryEntry);
      }),
    );
  return [...found.values()].filter(({ number }) => number > before).sort((a, b) => a.number - b.number);
}

/** The record of a fleet that must be there. */
export async function knownFleet(cloud: Cloud, fleet: string): Promise<FleetRecord> {
  const loaded: Loaded = await loadRecord(cloud.state, fleet);
  if (loaded.generation !== "0") return loaded.record;
  const known = await fleetNames(cloud.state);
  if (known.includes(fleet)) return loaded.record;
  const near = nearest(fleet, known);
  const advice =
    known.length === 0
      ? `No fleet has been applied in gs://${cloud.state.name} yet: moult fleet apply FILE.`
      : `Known are ${known.join(", ")}.${near ? ` Did you mean ${near}?` : ""}`;
  throw new CliError(EXIT.absent, `there is no fleet "${fleet}"`, advice);
}
