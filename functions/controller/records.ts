import { emptyRecord, type FleetRecord, type HistoryEntry } from "../core/record.ts";
import type { Bucket } from "../google/bucket.ts";
import { isFailure } from "../google/failure.ts";
import { completeRecord } from "./older.ts";

/** Names of objects in the state bucket: docs/contracts.md. */
export const paths = {
  fleets: "fleets/",
  record: (fleet: string) => `fleets/${fleet}/record.json`,
  bell: (fleet: string) => `fleets/${fleet}/bell.json`,
  history: (fleet: string, number: number) => `fleets/${fleet}/history/${String(number).padStart(8, "0")}.json`,
  evidence: (fleet: string, rollout: string, machine: string) => `fleets/${fleet}/evidence/${rollout}/${machine}.json`,
  published: (fleet: string) => `published/${fleet}.json`,
  budget: (name: string) => `budgets/${name}.json`,
  commands: (fleet: string) => `commands/${fleet}/`,
};

export interface Loaded {
  record: FleetRecord;
  /** "0" when there is no record yet. */
  generation: string;
}

export async function loadRecord(state: Bucket, fleet: string): Promise<Loaded> {
  const stored = await state.read(paths.record(fleet));
  if (!stored) return { record: emptyRecord(fleet), generation: "0" };
  const where = `gs://${state.name}/${paths.record(fleet)}`;
  return { record: completeRecord(fleet, stored.text, where), generation: stored.generation };
}

/** Every fleet's record, and the names of fleets whose record is there and cannot be read. */
export async function loadRecords(state: Bucket): Promise<{ records: FleetRecord[]; unread: string[] }> {
  const records: FleetRecord[] = [];
  const unread: string[] = [];
  for (const fleet of await fleetNames(state))
    try {
      records.push((await loadRecord(state, fleet)).record);
    } catch (problem) {
      if (isFailure(problem, "unavailable")) throw problem;
      unread.push(fleet);
    }
  return { records, unread };
}

/** Projects that something of these fleets may be in, and the one that holds their state. */
export function projectsOf(records: FleetRecord[], own: string): Set<string> {
  return new Set([own, ...records.flatMap(({ policy }) => policy?.project ?? [])]);
}

export async function saveRecord(state: Bucket, record: FleetRecord, generation: string): Promise<string> {
  return state.write(paths.record(record.fleet), JSON.stringify(record, null, 1), generation);
}

/** Create once: an entry that is there already was written by whoever looked before and died. */
export async function writeHistory(state: Bucket, fleet: string, entries: HistoryEntry[]): Promise<void> {
  for (const entry of entries) {
    try {
      await state.write(paths.history(fleet, entry.number), JSON.stringify(entry), "0");
    } catch (problem) {
      if (!isFailure(problem, "conflict")) throw problem;
    }
  }
}

/** Names of all fleets that have a record or a command waiting. */
export async function fleetNames(state: Bucket): Promise<string[]> {
  const names = (await Promise.all([state.folders(paths.fleets), state.folders("commands/")])).flat();
  return [...new Set(names)].sort();
}
