import { openPack } from "../../agent/plan/pack.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { CliError, EXIT } from "../failure.ts";
import { commitText } from "./commit.ts";
import { Damaged } from "./damage.ts";
import { type Link, lineOf } from "./history.ts";
import { NAMES, type Objects } from "./objects.ts";
import { moveRef, refText } from "./ref.ts";
import { keep, objectIn, type Repository, readBlob, refIn } from "./repository.ts";
import { mergeSignatures, signaturesIn } from "./signing.ts";
import { eachTogether } from "./together.ts";

/** From so many missing blobs on, the pack with all of them in one call is the shorter way. */
const BY_PACK = 8;

export interface Fetched {
  ref: string;
  /** Where the bucket's ref stands; its commit is here whole. */
  commit: string;
  /** Commits and blobs that were not here before. */
  commits: number;
  blobs: number;
  /** How ours stands to the bucket's: `moved` and `made` by this very command. */
  mine: "same" | "made" | "moved" | "behind" | "ahead" | "diverged";
}

export interface FetchWishes {
  /** Our ref is to stand where the bucket's does, whatever it holds. */
  move: boolean;
  by: string;
  now(): number;
}

/** Brings what the bucket's ref stands at, with all its past that the bucket has. Our ref is only made, unless `move`. */
export async function fetchRef(
  repository: Repository,
  bucket: Objects,
  ref: string,
  wishes: FetchWishes,
): Promise<Fetched> {
  const { local } = repository;
  const there = await refIn(bucket, ref);
  if (!there)
    throw new CliError(
      EXIT.absent,
      `${bucket.place} has no ref ${ref}`,
      "moult config refs --remote lists those it has.",
    );
  const to = there.ref.commit;
  // What a ref of ours stands at is here with all its past, or with what a collection here has left of it.
  const here = new Set((await repository.refs()).map((each) => each.ref.commit));
  const line = await lineOf([local, bucket], to, (digest) => digest !== to && (here.has(to) || here.has(digest)));
  const [tip] = line.links;
  if (!tip) throw new Damaged(objectIn(bucket, NAMES.ref(ref)), `its commit ${to} is not there`);
  const blobs = await bringBlobs(local, bucket, tip);
  await bringSignatures(repository, bucket, to);
  const commits = await bringCommits(local, line.links);
  const mine = await bringRef(repository, ref, to, wishes);
  return { ref, commit: to, commits, blobs, mine };
}

/** The oldest first, so that a crash leaves no commit here without the past that it was brought with. */
async function bringCommits(local: Objects, links: readonly Link[]): Promise<number> {
  let brought = 0;
  for (const { digest, commit } of links.toReversed()) {
    if (await local.read(NAMES.commit(digest))) continue;
    await keep(local, NAMES.commit(digest), Buffer.from(commitText(commit)));
    brought++;
  }
  return brought;
}

async function bringBlobs(local: Objects, bucket: Objects, { digest, commit }: Link): Promise<number> {
  const here = new Set((await local.list("blobs/")).map(({ name }) => name));
  const missing = [...new Set(Object.values(commit.tree))].filter((each) => !here.has(NAMES.blob(each)));
  if (missing.length === 0) return 0;
  const packed = missing.length >= BY_PACK ? await blobsInPack(bucket, digest, commit) : undefined;
  await eachTogether(missing, async (each) => {
    const name = NAMES.blob(each);
    const bytes = packed?.get(each) ?? (await blobIn(bucket, each));
    await keep(local, name, bytes);
  });
  return missing.length;
}

async function blobIn(bucket: Objects, digest: string): Promise<Buffer> {
  const name = NAMES.blob(digest);
  const found = await bucket.read(name);
  if (!found) throw new Damaged(objectIn(bucket, name), "it is not there, and a commit needs it");
  return readBlob(objectIn(bucket, name), digest, found.bytes);
}

/** Undefined when there is no pack: a commit that was never the newest of a push has none. */
export async function blobsInPack(
  bucket: Objects,
  digest: string,
  commit: ConfigCommit,
): Promise<Map<string, Buffer> | undefined> {
  const name = NAMES.pack(digest);
  const found = await bucket.read(name);
  return found && judgedPack(objectIn(bucket, name), digest, commit, found.bytes);
}

/** As a machine judges it; the signatures are judged where there are keys. */
export function judgedPack(object: string, digest: string, commit: ConfigCommit, bytes: Buffer): Map<string, Buffer> {
  try {
    const { source } = openPack(bytes, digest);
    return new Map(
      Object.entries(commit.tree).map(([path, blob]): [string, Buffer] => [blob, source(path) ?? Buffer.alloc(0)]),
    );
  } catch (problem) {
    throw new Damaged(object, problem instanceof Error ? problem.message : String(problem));
  }
}

/** Those of the bucket beside ours. */
async function bringSignatures({ local }: Repository, bucket: Objects, commit: string): Promise<void> {
  const [there, here] = [await signaturesIn(bucket, commit), await signaturesIn(local, commit)];
  // Ours stay where both have one of a key: two signatures of one key over one text are the same, or one is wrong.
  const fresh = Object.entries(there.signatures).filter(([key]) => here.signatures[key] === undefined);
  if (fresh.length > 0) await mergeSignatures(local, commit, Object.fromEntries(fresh));
}

async function bringRef(
  { local }: Repository,
  ref: string,
  to: string,
  { move, by, now }: FetchWishes,
): Promise<Fetched["mine"]> {
  const mine = await refIn(local, ref);
  if (mine?.ref.commit === to) return "same";
  if (mine && !move) {
    const from = mine.ref.commit;
    if ((await lineOf([local], to, (digest) => digest === from)).met) return "behind";
    return (await lineOf([local], from, (digest) => digest === to)).met ? "ahead" : "diverged";
  }
  const place = { commit: to, moved: new Date(now()).toISOString(), by };
  await local.write(NAMES.ref(ref), Buffer.from(refText(moveRef(mine?.ref, place))), mine?.generation ?? "0");
  return mine ? "moved" : "made";
}
