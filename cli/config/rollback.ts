import { CliError, EXIT } from "../failure.ts";
import { Damaged } from "./damage.ts";
import { judgedPack } from "./fetch.ts";
import type { Link } from "./history.ts";
import { moveFrom } from "./move.ts";
import { NAMES, type Objects } from "./objects.ts";
import { objectIn, type Repository, refIn, type StandingRef } from "./repository.ts";
import type { Upload } from "./upload.ts";

export interface RollbackPlan {
  seen: StandingRef;
  to: Link;
  /** The ref stood there, so the commit is in the bucket and stays there. */
  stood: boolean;
}

/** Where a rollback goes: to `to`, or to where the ref stood before it came to where it is. Changes nothing. */
export async function planRollback(
  source: Repository,
  bucket: Objects,
  ref: string,
  to: string | undefined,
): Promise<RollbackPlan> {
  const seen = await refIn(bucket, ref);
  if (!seen) throw new CliError(EXIT.absent, `${bucket.place} has no ref ${ref}`, "moult config push makes one.");
  const { commit, previous } = seen.ref;
  const target = to ?? previous.find((place) => place.commit !== commit)?.commit;
  if (target === undefined)
    throw new CliError(
      EXIT.absent,
      `${ref} in ${bucket.place} has never stood anywhere but at ${commit.slice(0, 12)}`,
      `Name a commit: moult config rollback ${ref} --to REV. moult config log bucket:${ref} lists those before it.`,
    );
  const stood = target === commit || previous.some((place) => place.commit === target);
  return { seen, to: { digest: target, commit: await source.commit(target) }, stood };
}

/**
 * Moves the bucket's ref back. What the ref stood at is not collected, so only its pack is judged, as a machine would; any
 * other commit is written as a push writes it. Throws when somebody else moves the ref meanwhile.
 */
export async function rollBack(
  source: Repository,
  bucket: Objects,
  upload: Upload,
  { seen, to, stood }: RollbackPlan,
  place: { by: string; moved: string },
): Promise<void> {
  const held = new Set(Object.values((await source.commit(seen.ref.commit)).tree));
  if (!stood || !(await packHolds(bucket, to))) await upload.send([to], to, held);
  const end = await moveFrom(bucket, seen.name, seen, { commit: to.digest, ...place });
  if (end.moved) return;
  const now = end.standing?.ref;
  throw new CliError(
    EXIT.failed,
    `${seen.name} in ${bucket.place} was moved meanwhile${now ? `: ${now.by} moved it to ${now.commit.slice(0, 12)} at ${now.moved}` : ""}. Nothing was rolled back`,
    `Look at it with moult config log bucket:${seen.name}, then decide anew.`,
  );
}

/** A pack that is gone or damaged is made again from the blobs. */
async function packHolds(bucket: Objects, { digest, commit }: Link): Promise<boolean> {
  const name = NAMES.pack(digest);
  const pack = await bucket.read(name);
  if (!pack) return false;
  try {
    judgedPack(objectIn(bucket, name), digest, commit, pack.bytes);
    return true;
  } catch (problem) {
    if (!(problem instanceof Damaged)) throw problem;
    return false;
  }
}
