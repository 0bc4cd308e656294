import { sha256 } from "../../agent/plan/pack.ts";
import { CliError, EXIT } from "../failure.ts";
import { commitText } from "./commit.ts";
import { Damaged } from "./damage.ts";
import { NAMES, type Objects } from "./objects.ts";
import type { PushWishes } from "./push.ts";
import { moveRef, refText } from "./ref.ts";
import { objectIn, type Repository, refIn } from "./repository.ts";
import { readSignatures, signaturesText } from "./signatures.ts";
import { eachTogether } from "./together.ts";

/**
 * Reads everything of a commit in the bucket and writes again, at the generation that was read, what is missing or is not
 * what it should be; the push that follows makes the pack. Returns the names. A damaged ref is only replaced with `force`:
 * nobody knows any more where it stood.
 */
export async function repair(
  source: Repository,
  bucket: Objects,
  ref: string,
  digest: string,
  wishes: PushWishes,
): Promise<string[]> {
  const mended: string[] = [];
  const commit = await source.commit(digest);
  const mend = async (name: string, bytes: () => Promise<Buffer> | Buffer, whole: (found: Buffer) => boolean) => {
    const found = await bucket.read(name);
    if (found && whole(found.bytes)) return;
    await bucket.write(name, await bytes(), found?.generation ?? "0");
    mended.push(name);
  };
  await eachTogether([...new Set(Object.values(commit.tree))], (blob) =>
    mend(
      NAMES.blob(blob),
      () => source.blob(blob),
      (found) => sha256(found) === blob,
    ),
  );
  const text = Buffer.from(commitText(commit));
  await mend(
    NAMES.commit(digest),
    () => text,
    (found) => found.equals(text),
  );
  await repairSignatures(source, bucket, digest, mended);
  await repairRef(bucket, ref, digest, wishes, mended);
  return mended;
}

async function repairSignatures(source: Repository, bucket: Objects, digest: string, mended: string[]): Promise<void> {
  const name = NAMES.signatures(digest);
  const found = await bucket.read(name);
  if (!found) return;
  try {
    readSignatures(objectIn(bucket, name), digest, found.bytes);
  } catch (problem) {
    if (!(problem instanceof Damaged)) throw problem;
    const ours = await source.local.read(name);
    const signatures = ours ? readSignatures(objectIn(source.local, name), digest, ours.bytes) : {};
    await bucket.write(name, Buffer.from(signaturesText(digest, signatures)), found.generation);
    mended.push(name);
  }
}

async function repairRef(
  bucket: Objects,
  ref: string,
  commit: string,
  { force, by, now }: PushWishes,
  mended: string[],
): Promise<void> {
  try {
    await refIn(bucket, ref);
  } catch (problem) {
    if (!(problem instanceof Damaged)) throw problem;
    if (!force)
      throw new CliError(
        EXIT.refused,
        problem.message,
        `Where it stood is not known any more. Restore the bucket's older version of it, or write it anew at ${commit.slice(0, 12)} with --repair --force.`,
      );
    const name = NAMES.ref(ref);
    const generation = (await bucket.read(name))?.generation ?? "0";
    const place = { commit, moved: new Date(now()).toISOString(), by };
    await bucket.write(name, Buffer.from(refText(moveRef(undefined, place))), generation);
    mended.push(name);
  }
}
