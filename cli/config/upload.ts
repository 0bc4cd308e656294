import { isDeepStrictEqual } from "node:util";
import { Standing, writeAnew } from "./anew.ts";
import { commitText } from "./commit.ts";
import { Damaged } from "./damage.ts";
import type { Link } from "./history.ts";
import { NAMES, type Objects } from "./objects.ts";
import { makePack } from "./pack.ts";
import { objectIn, type Repository } from "./repository.ts";
import { mergeSignatures, signaturesIn } from "./signing.ts";
import { blobsOf } from "./stored.ts";
import { eachTogether } from "./together.ts";

const TRIES = 10;
/** From so many writes on, a list of what is there already is worth its calls. */
const MANY = 32;
/** A push has a day from its first write to the move of its ref, then gc.ts takes it for given up; half of it is left spare. */
const FRESH_MS = 12 * 3_600_000;

export interface Progress {
  /** Objects that are written, and that will be. */
  done: number;
  all: number;
  bytes: number;
}

/** What one run of the command has written into the bucket, and so need not write again, however often it begins anew. */
export class Upload {
  readonly #source: Repository;
  readonly #bucket: Objects;
  readonly #now: () => number;
  readonly #tell: (progress: Progress) => void;
  readonly #written = new Set<string>();
  #begun: number | undefined;
  readonly #progress: Progress = { done: 0, all: 0, bytes: 0 };

  constructor(source: Repository, bucket: Objects, now: () => number, tell: (progress: Progress) => void) {
    this.#source = source;
    this.#bucket = bucket;
    this.#now = now;
    this.#tell = tell;
  }

  get progress(): Readonly<Progress> {
    return this.#progress;
  }

  /** False when so much time has gone by that a collection may take what was written first; then it is forgotten. */
  isFresh(): boolean {
    const age = this.#now() - (this.#begun ?? this.#now());
    // A clock that was set back says nothing about how long it took.
    if (age >= 0 && age < FRESH_MS) return true;
    this.#written.clear();
    this.#begun = undefined;
    return false;
  }

  /** Blobs, then commits, then the newest one's signatures and its pack. `held`: blobs that are in the bucket and stay. */
  async send(links: readonly Link[], tip: Link, held: ReadonlySet<string>): Promise<void> {
    const blobs = new Set(links.flatMap(({ commit }) => Object.values(commit.tree)).filter((blob) => !held.has(blob)));
    const writes: [string, () => Promise<Buffer>][] = [...blobs].map((digest) => [
      NAMES.blob(digest),
      () => this.#source.blob(digest),
    ]);
    const commits: typeof writes = links.map(({ digest, commit }) => [
      NAMES.commit(digest),
      async () => Buffer.from(commitText(commit)),
    ]);
    const missing = [
      { prefix: "blobs/", list: writes },
      { prefix: "commits/", list: commits },
    ].map(({ prefix, list }) => ({ prefix, list: list.filter(([name]) => !this.#written.has(name)) }));
    this.#progress.all += missing.reduce((sum, { list }) => sum + list.length, 1);
    for (const { prefix, list } of missing) {
      const others = list.length < MANY ? undefined : new Standing(this.#bucket, prefix);
      await eachTogether(list, async ([name, read]) => {
        const bytes = await read();
        this.#begun ??= this.#now();
        await writeAnew(this.#bucket, name, bytes, others);
        this.#written.add(name);
        this.#count(bytes.length);
      });
    }
    for (const { digest } of links)
      if (digest !== tip.digest) await mergeSignatures(this.#bucket, digest, await this.#source.signatures(digest));
    await this.sendPack(tip);
  }

  /**
   * Signatures first, then the pack with them, then a look whether somebody added one meanwhile: whoever writes the pack last
   * has seen all signatures, so none is lost.
   */
  async sendPack({ digest, commit }: Link): Promise<void> {
    this.#begun ??= this.#now();
    const blobs = await blobsOf(this.#source, commit);
    const mine = await this.#source.signatures(digest);
    let signatures = Object.keys(mine).length > 0 ? await mergeSignatures(this.#bucket, digest, mine) : mine;
    for (let left = TRIES; left > 0; left--) {
      const pack = makePack(commit, blobs, signatures);
      await writeAnew(this.#bucket, NAMES.pack(digest), pack);
      this.#count(pack.length);
      const now = await signaturesIn(this.#bucket, digest);
      if (isDeepStrictEqual(now.signatures, signatures)) return;
      signatures = await mergeSignatures(this.#bucket, digest, now.signatures);
    }
    throw new Error(`${objectIn(this.#bucket, NAMES.signatures(digest))} changes without end`);
  }

  #count(bytes: number): void {
    this.#progress.done++;
    this.#progress.bytes += bytes;
    this.#progress.all = Math.max(this.#progress.all, this.#progress.done);
    this.#tell(this.#progress);
  }
}

/** True when the bucket's pack of the commit is the one that its blobs and all signatures, here and there, give. */
export async function packStands(source: Repository, bucket: Objects, { digest, commit }: Link): Promise<boolean> {
  const mine = await source.signatures(digest);
  const there = await signaturesIn(bucket, digest).catch((problem: unknown) => {
    if (problem instanceof Damaged) return undefined;
    throw problem;
  });
  if (!there || Object.keys(mine).some((key) => there.signatures[key] !== mine[key])) return false;
  const stored = await bucket.read(NAMES.pack(digest));
  return stored?.bytes.equals(makePack(commit, await blobsOf(source, commit), there.signatures)) ?? false;
}
