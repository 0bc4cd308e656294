import type { KeyObject } from "node:crypto";
import { CliError, EXIT } from "../failure.ts";
import { isConflict } from "./anew.ts";
import { commitText } from "./commit.ts";
import { NAMES, type Objects } from "./objects.ts";
import { objectIn, type Repository } from "./repository.ts";
import type { Revision } from "./revision.ts";
import { readSignatures, type Signatures, signaturesText, signText } from "./signatures.ts";

const TRIES = 20;

/** Adds signatures to a commit, beside those of others. What two people add at once is all there. */
export async function addSignatures(
  repository: Repository,
  { digest, commit }: Revision,
  keys: readonly KeyObject[],
): Promise<Signatures> {
  const added: Signatures = Object.assign({}, ...keys.map((key) => signText(commitText(commit), key)));
  return mergeSignatures(repository.local, digest, added);
}

export interface StandingSignatures {
  signatures: Signatures;
  generation: string;
}

export async function signaturesIn(objects: Objects, commit: string): Promise<StandingSignatures> {
  const name = NAMES.signatures(commit);
  const found = await objects.read(name);
  if (!found) return { signatures: {}, generation: "0" };
  return { signatures: readSignatures(objectIn(objects, name), commit, found.bytes), generation: found.generation };
}

/**
 * Adds to those that are there, and returns all. Nothing is ever taken away. What is there is written again, also when nothing is
 * added: see anew.ts.
 */
export async function mergeSignatures(objects: Objects, commit: string, mine: Signatures): Promise<Signatures> {
  for (let left = TRIES; left > 0; left--) {
    const there = await signaturesIn(objects, commit);
    const all = { ...there.signatures, ...mine };
    if (Object.keys(all).length === 0) return all;
    try {
      await objects.write(NAMES.signatures(commit), Buffer.from(signaturesText(commit, all)), there.generation);
      return all;
    } catch (problem) {
      if (!isConflict(problem)) throw problem;
    }
  }
  throw new CliError(
    EXIT.failed,
    `others sign ${commit.slice(0, 12)} in ${objects.place} all the time`,
    "Nothing was added. Run it again.",
  );
}
