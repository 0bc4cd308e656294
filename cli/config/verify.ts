import type { KeyObject } from "node:crypto";
import { anyInstance } from "../../agent/plan/anywhere.ts";
import { makePlan } from "../../agent/plan/plan.ts";
import { isFailure } from "../../functions/google/failure.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { CliError } from "../failure.ts";
import { commitText } from "./commit.ts";
import { Damaged } from "./damage.ts";
import { describeCommit } from "./described.ts";
import { DIGEST, NAMES } from "./objects.ts";
import { objectIn, type Repository } from "./repository.ts";
import { isSignedBy, keyId, type Signatures } from "./signatures.ts";
import { eachTogether } from "./together.ts";

/** One thing that does not hold. */
export interface Fault {
  object: string;
  why: string;
}

export interface Verified {
  refs: number;
  commits: number;
  blobs: number;
  /** Commit → ids of the keys whose signatures it has. */
  signed: Record<string, string[]>;
  faults: Fault[];
}

export interface PublicKey {
  file: string;
  key: KeyObject;
}

/**
 * Reads everything in the local store, whatever names it, and everything that its refs and commits name, and says all that is
 * wrong. Older commits that are only in the bucket are not fetched.
 */
export async function verifyStore(repository: Repository): Promise<Verified> {
  const faults: Fault[] = [];
  const { local } = repository;
  const note = (object: string) => (problem: unknown) => {
    if (problem instanceof Damaged) faults.push({ object: problem.object, why: problem.message });
    else if (problem instanceof CliError) faults.push({ object: objectIn(local, object), why: problem.message });
    else if (isFailure(problem)) faults.push({ object: objectIn(local, object), why: problem.message });
    else throw problem;
    return undefined;
  };
  const names = (await local.list("")).map(({ name }) => name);
  const below = (kind: string) =>
    names
      .filter((name) => name.startsWith(`${kind}/`))
      .map((name) => name.slice(kind.length + 1).replace(/\.json$/, ""));
  const known = /^(blobs\/[0-9a-f]{64}|(commits|signatures|packs)\/[0-9a-f]{64}\.json|refs\/.+\.json)$/;
  for (const name of names)
    if (!known.test(name))
      faults.push({ object: objectIn(local, name), why: `${objectIn(local, name)} is not of a store` });

  const refs = below("refs");
  const wanted = new Set(below("commits").filter((digest) => DIGEST.test(digest)));
  const tips = new Set<string>();
  await eachTogether(refs, async (name) => {
    const found = await repository.ref(name).catch(note(NAMES.ref(name)));
    if (found) tips.add(found.ref.commit);
  });
  for (const digest of tips) wanted.add(digest);
  const blobs = new Set(below("blobs").filter((digest) => DIGEST.test(digest)));
  const signed: Record<string, string[]> = {};
  await eachTogether([...wanted], async (digest) => {
    const commit = await repository.commit(digest).catch(note(NAMES.commit(digest)));
    if (!commit) return;
    // Of an older commit that came from the bucket for its text alone, the files may have stayed there.
    if (tips.has(digest) || !repository.hasBucket) for (const blob of Object.values(commit.tree)) blobs.add(blob);
    const signatures = await repository.signatures(digest).catch(note(NAMES.signatures(digest)));
    const keys = Object.keys(signatures ?? {});
    if (keys.length > 0) signed[digest] = keys;
  });
  await eachTogether([...blobs], async (digest) => {
    await repository.blob(digest).catch(note(NAMES.blob(digest)));
  });
  for (const digest of below("signatures").filter((each) => DIGEST.test(each) && !wanted.has(each)))
    await repository.signatures(digest).catch(note(NAMES.signatures(digest)));
  faults.sort((a, b) => (a.object < b.object ? -1 : 1));
  return { refs: refs.length, commits: wanted.size, blobs: blobs.size, signed, faults };
}

/** One commit with all its blobs, and whether machines would take its manifest. */
export async function verifyCommit(repository: Repository, digest: string, commit: ConfigCommit): Promise<Verified> {
  const faults: Fault[] = [];
  const blobs = [...new Set(Object.values(commit.tree))];
  await eachTogether(blobs, async (blob) => {
    try {
      await repository.blob(blob);
    } catch (problem) {
      if (!(problem instanceof CliError)) throw problem;
      const object = problem instanceof Damaged ? problem.object : objectIn(repository.local, NAMES.blob(blob));
      faults.push({ object, why: problem.message });
    }
  });
  const keys = Object.keys(await repository.signatures(digest));
  if (faults.length === 0)
    for (const { sentence, code } of makePlan(await describeCommit(repository, commit), anyInstance).findings)
      faults.push({ object: digest, why: `a machine would refuse its manifest: ${sentence} [${code}]` });
  return { refs: 0, commits: 1, blobs: blobs.length, signed: keys.length > 0 ? { [digest]: keys } : {}, faults };
}

/**
 * As an agent with these keys judges: at least one has signed, and no signature in the name of one of them is wrong.
 * A signature of a key that is not among them says nothing.
 */
export function signatureFaults(
  digest: string,
  commit: ConfigCommit,
  signatures: Signatures,
  keys: readonly PublicKey[],
): Fault[] {
  const text = commitText(commit);
  const named = keys.filter(({ key }) => signatures[keyId(key)] !== undefined);
  const wrong = named.filter(({ key }) => !isSignedBy(text, signatures, key));
  const faults = wrong.map(({ file }) => ({ object: digest, why: `its signature with the key of ${file} is wrong` }));
  if (named.length === 0 && keys.length > 0)
    faults.push({ object: digest, why: `none of ${keys.map(({ file }) => file).join(", ")} has signed it` });
  return faults;
}
