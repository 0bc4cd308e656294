import { CliError, EXIT } from "../failure.ts";
import { type Line, type Link, lineOf, listed } from "./history.ts";
import { moveFrom } from "./move.ts";
import type { Objects } from "./objects.ts";
import { type Repository, refIn, type StandingRef } from "./repository.ts";
import { packStands, type Upload } from "./upload.ts";

/** Others may move the ref while we write; each time what is left to do is looked at anew. */
const TRIES = 5;

export interface PushWishes {
  /** Also when the bucket's ref holds commits that ours does not. */
  force: boolean;
  by: string;
  now(): number;
}

export interface Pushed {
  ref: string;
  /** Null where the bucket had no such ref. */
  from: string | null;
  to: string;
  /** `standing`: the bucket's ref was there already. `mended`: it was, and its pack or signatures are new. */
  outcome: "moved" | "standing" | "mended";
  /** New to the bucket's ref, newest first. */
  commits: Link[];
  /** What the ref held and holds no more, newest first. */
  dropped: Link[];
}

/**
 * Brings a ref's commit into the bucket, whole, and then moves the bucket's ref there. Blobs that the bucket's ref names now are
 * there and stay, because the ref moves only from the generation that was seen; every other one is written. Throws when
 * the ref does not lead to ours.
 */
export async function push(
  source: Repository,
  bucket: Objects,
  upload: Upload,
  ref: string,
  to: string,
  wishes: PushWishes,
): Promise<Pushed> {
  let seen = await refIn(bucket, ref);
  for (let left = TRIES; left > 0; left--) {
    const way = await wayOf(source, bucket, seen, to);
    const { tip, coming, dropped } = way;
    const about = { ref, from: seen?.ref.commit ?? null, to, commits: coming, dropped };
    if (seen?.ref.commit === to) {
      if (await packStands(source, bucket, tip)) return { ...about, outcome: "standing" };
      await upload.sendPack(tip);
      return { ...about, outcome: "mended" };
    }
    if (seen && !way.forward && !wishes.force) throw notForward(bucket, ref, seen, way);
    await upload.send(coming, tip, way.held);
    if (!upload.isFresh()) continue;
    const place = { commit: to, moved: new Date(wishes.now()).toISOString(), by: wishes.by };
    const end = await moveFrom(bucket, ref, seen, place);
    if (end.moved) return { ...about, outcome: "moved" };
    seen = end.standing;
  }
  throw new CliError(
    EXIT.refused,
    `${ref} in ${bucket.place} was moved by others each time it was to be moved to ${to.slice(0, 12)}`,
    "Nothing is lost. Push again when they are done.",
  );
}

interface Way {
  tip: Link;
  /** To be brought: newest first, never without the tip. */
  coming: Link[];
  dropped: Link[];
  forward: boolean;
  /** The bucket's ref holds ours already, and more. */
  behind: boolean;
  /** Blobs that the bucket's ref names now. */
  held: ReadonlySet<string>;
}

async function wayOf(source: Repository, bucket: Objects, seen: StandingRef | undefined, to: string): Promise<Way> {
  const tip: Link = { digest: to, commit: await source.commit(to) };
  const from = seen?.ref.commit;
  const ours: Line = await lineOf([source.local, bucket], to, (digest) => digest === from);
  if (from === undefined)
    return { tip, coming: ours.links, dropped: [], forward: true, behind: false, held: new Set() };
  const held = new Set(Object.values((await source.commit(from)).tree));
  if (ours.met !== undefined) return { tip, coming: ours.links, dropped: [], forward: true, behind: false, held };
  const known = new Map(ours.links.map(({ digest }, i) => [digest, i]));
  const theirs = await lineOf([source.local, bucket], from, (digest) => known.has(digest));
  const common = theirs.met === undefined ? ours.links.length : (known.get(theirs.met) ?? 0);
  // What lies before the tip is the ref's own past, which a collection may shorten: the tip itself is written in any case.
  const coming = ours.links.slice(0, Math.max(1, common));
  return { tip, coming, dropped: theirs.links, forward: false, behind: common === 0, held };
}

function notForward(bucket: Objects, ref: string, { ref: there }: StandingRef, way: Way): CliError {
  const count = way.dropped.length;
  const what = `${count} ${count === 1 ? "commit" : "commits"}`;
  const moved = `${there.by} moved it to ${there.commit.slice(0, 12)} at ${there.moved}`;
  const bring = way.behind
    ? `Yours is older and has nothing that is not there. "moult config fetch ${ref} --move" brings your ref to where the bucket's is; to go back to yours instead, "moult config rollback ${ref} --to ${way.tip.digest.slice(0, 12)}".`
    : `See what they change with "moult config diff bucket:${ref}~${count} bucket:${ref}" and bring it into your files. Then "moult config fetch ${ref} --move" puts your ref on top of theirs and leaves your files as they are: commit and push again.`;
  return new CliError(
    EXIT.failed,
    `${ref} in ${bucket.place} has ${what} that yours does not have: ${moved}`,
    `${listed(way.dropped)}\n${bring}\n--force drops them from the ref; moult config rollback would bring them back.`,
  );
}
