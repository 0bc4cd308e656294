import type { FleetRecord, HistoryEntry } from "../../core/record.ts";
import type { Bucket } from "../../google/bucket.ts";
import { paths } from "../records.ts";
import { each } from "./looks.ts";

export interface HistoryPage {
  fleet: string;
  /** The newest first. */
  entries: HistoryEntry[];
  /** Numbers that the record has given out and that are not in the bucket. */
  missing: number[];
  /** `before` of the next page; null at the beginning. */
  next: number | null;
}

export const PAGE = 50;
const KEPT = 20_000;

/** Entries are written once, so one that was read is remembered while this process lives. */
export function makeHistory(state: Pick<Bucket, "name" | "read">) {
  const remembered = new Map<string, HistoryEntry>();

  async function entry(fleet: string, number: number): Promise<HistoryEntry | undefined> {
    const name = paths.history(fleet, number);
    const known = remembered.get(name);
    if (known) return known;
    const stored = await state.read(name);
    if (!stored) return undefined;
    const read = JSON.parse(stored.text) as HistoryEntry;
    if (remembered.size >= KEPT) remembered.clear();
    remembered.set(name, read);
    return read;
  }

  /** What happened before the entry of that number; without one, what happened last. */
  return async function page(record: FleetRecord, before: number | undefined): Promise<HistoryPage> {
    const { fleet } = record;
    const end = Math.min(before ?? Number.POSITIVE_INFINITY, record.entries + 1);
    const numbers = Array.from({ length: Math.max(0, Math.min(PAGE, end - 1)) }, (_, i) => end - 1 - i);
    // The last look's own entries are in the record until the next look has put them with the others.
    const unwritten = new Map(record.unwritten.map((one) => [one.number, one]));
    const found = await each(numbers, 10, async (number) => unwritten.get(number) ?? (await entry(fleet, number)));
    const entries = found.filter((one) => one !== undefined);
    const there = new Set(entries.map(({ number }) => number));
    const last = numbers.at(-1);
    return {
      fleet,
      entries,
      missing: numbers.filter((number) => !there.has(number)),
      next: last !== undefined && last > 1 ? last : null,
    };
  };
}
