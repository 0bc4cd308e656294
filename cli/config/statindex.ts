import { type BigIntStats, readFileSync } from "node:fs";
import { sha256 } from "../../agent/plan/pack.ts";
import { DIGEST } from "./objects.ts";
import { replaceFile } from "./texts.ts";

/** size, mtime ns, ctime ns, inode, digest. */
type Entry = readonly [size: string, mtime: string, ctime: string, inode: string, digest: string];

/** How long before now a file must have rested, since a file system's clock ticks slower than ours. Nanoseconds. */
const TICK = 50_000_000n;
/** Where times are whole seconds (or two). */
const SLOW_TICK = 2_100_000_000n;

/**
 * What files of a folder held when they were read last, so that only those that changed are read again. It is a cache: lost or
 * damaged, everything is read. A file that was written so shortly before it was read that a later write could bear the same time
 * is not remembered.
 */
export class StatIndex {
  readonly #file: string;
  readonly #known: ReadonlyMap<string, Entry>;
  readonly #now = new Map<string, Entry>();
  /** Digest of a blob in the store → the generation at which its content was found to have it. */
  readonly #blobs: Map<string, string>;

  readonly #changeTimes: boolean;
  /** Which state of the folder it is about, where its user keeps that with it. */
  state: string | undefined;

  /** `changeTimes`: false where files are linked and unlinked, which changes their change time and not their content. */
  constructor(file: string, changeTimes = true) {
    this.#file = file;
    this.#changeTimes = changeTimes;
    const { files, blobs, state } = load(file);
    this.#known = new Map(files);
    this.#blobs = new Map(blobs);
    this.state = state;
  }

  /** What the file holds, if nothing was written to it since it was read. */
  digest(path: string, stats: BigIntStats): string | undefined {
    const entry = this.#known.get(path);
    if (!entry || !this.#sameStats(entry, stats)) return undefined;
    this.#now.set(path, entry);
    return entry[4];
  }

  /** `stats` are from before the file was read, at `readAt` (nanoseconds since 1970). */
  remember(path: string, stats: BigIntStats, digest: string, readAt: bigint): void {
    const whole = [stats.mtimeNs, stats.ctimeNs].every((time) => time % 1_000_000_000n === 0n);
    const tick = whole ? SLOW_TICK : TICK;
    const written = this.#changeTimes && stats.ctimeNs > stats.mtimeNs ? stats.ctimeNs : stats.mtimeNs;
    if (written + tick < readAt) this.#now.set(path, [...statsOf(stats), digest]);
  }

  #sameStats(entry: Entry, stats: BigIntStats): boolean {
    return statsOf(stats).every((value, i) => value === entry[i] || (i === 2 && !this.#changeTimes));
  }

  isVerified(digest: string, generation: string): boolean {
    return this.#blobs.get(digest) === generation;
  }

  verified(digest: string, generation: string): void {
    this.#blobs.set(digest, generation);
  }

  /** Keeps what was asked about since it was loaded, and of the blobs those that are there still. */
  save(blobs: ReadonlySet<string>): void {
    const kept = [...this.#blobs].filter(([digest]) => blobs.has(digest));
    const text = JSON.stringify({ files: [...this.#now], blobs: kept, state: this.state });
    replaceFile(this.#file, `${sha256(text)}\n${text}`);
  }
}

export function nowNs(): bigint {
  return BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

function statsOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): [string, string, string, string] {
  return [String(size), String(mtimeNs), String(ctimeNs), String(ino)];
}

interface Kept {
  files: [string, Entry][];
  blobs: [string, string][];
  state?: string;
}

function load(file: string): Kept {
  const none: Kept = { files: [], blobs: [] };
  try {
    const [, check = "", text = ""] = /^([0-9a-f]{64})\n([\s\S]*)$/.exec(readFileSync(file, "utf8")) ?? [];
    const kept: unknown = sha256(text) === check ? JSON.parse(text) : undefined;
    return isKept(kept) ? kept : none;
  } catch {
    return none;
  }
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== "object" || value === null) return false;
  const { files, blobs, state }: Partial<Record<string, unknown>> = { ...value };
  const isPair = (pair: unknown): pair is unknown[] => Array.isArray(pair) && pair.length === 2;
  const isEntry = (entry: unknown) => Array.isArray(entry) && entry.length === 5 && entry.every(isText);
  return (
    (state === undefined || (isText(state) && DIGEST.test(state))) &&
    Array.isArray(files) &&
    files.every((pair) => isPair(pair) && isText(pair[0]) && isEntry(pair[1])) &&
    Array.isArray(blobs) &&
    blobs.every((pair) => isPair(pair) && pair.every(isText))
  );
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
