import type { LogEntry } from "../../wire/logging.d.ts";
import { ApiError } from "../frame/errors.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { nanoseconds } from "./entry.ts";
import type { Matcher } from "./match.ts";

const MOST_KEPT = 10_000;
const MOST_PER_PAGE = 1000;

export interface EntryPage {
  entries: LogEntry[];
  nextPageToken?: string;
}

/** The last entries written, oldest first. */
export class Entries {
  readonly #world: World;
  #kept: LogEntry[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Keeps an entry, completed with what the service adds, and returns it. */
  add(given: Partial<LogEntry> & Pick<LogEntry, "logName" | "resource">): LogEntry {
    const now = utc(this.#world.clock.now());
    const entry: LogEntry = {
      ...given,
      insertId: given.insertId || this.#world.ids.entry(),
      timestamp: given.timestamp ?? now,
      receiveTimestamp: given.receiveTimestamp ?? now,
    };
    this.#kept.push(entry);
    if (this.#kept.length > MOST_KEPT) this.#kept.shift();
    this.#world.changed();
    return entry;
  }

  /**
   * Entries of a project in order of their timestamps. Entries with the same log, timestamp and insertId are one.
   * A page token is only good for the query it came from.
   */
  list(
    projects: string[],
    matches: Matcher,
    newestFirst: boolean,
    pageSize: number,
    pageToken: string | undefined,
  ): EntryPage {
    if (!(pageSize >= 0)) throw new ApiError(400, `page_size ${pageSize} is negative.`);
    const seen = new Map<string, LogEntry>();
    for (const entry of this.#kept) {
      if (projects.some((name) => entry.logName.startsWith(`${name}/`)) && matches(entry))
        seen.set(keyOf(entry), entry);
    }
    const sorted = [...seen].sort(([a], [b]) => (a < b ? -1 : 1));
    if (newestFirst) sorted.reverse();
    const after = pageToken ? Buffer.from(pageToken, "base64url").toString() : undefined;
    const rest = after === undefined ? sorted : sorted.filter(([key]) => (newestFirst ? key < after : key > after));
    const page = rest.slice(0, Math.min(pageSize || 50, MOST_PER_PAGE));
    const last = page.at(-1);
    return {
      entries: page.map(([, entry]) => entry),
      ...(last && page.length < rest.length && { nextPageToken: Buffer.from(last[0]).toString("base64url") }),
    };
  }

  logNames(project: string): string[] {
    const names = new Set(this.#kept.map(({ logName }) => logName).filter((name) => name.startsWith(`${project}/`)));
    return [...names].sort();
  }

  /** Throws 404 when the log has no entries. */
  deleteLog(logName: string): void {
    const rest = this.#kept.filter((entry) => entry.logName !== logName);
    if (rest.length === this.#kept.length) throw new ApiError(404, `Log ${logName} does not exist`);
    this.#kept = rest;
    this.#world.changed();
  }

  save(): LogEntry[] {
    return this.#kept;
  }

  load(entries: LogEntry[]): void {
    this.#kept = entries;
  }
}

/** Sorts by instant first. */
function keyOf({ timestamp, logName, insertId }: LogEntry): string {
  return `${String(nanoseconds(timestamp) ?? 0n).padStart(20, "0")} ${logName} ${insertId}`;
}
