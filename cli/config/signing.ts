import type { KeyObject } from "node:crypto";
import { CliError, EXIT } from "../failure.ts";
import { isConflict } from "./anew.ts";
import { commitText } from "./commit.ts";
import { NAMES } from "./objects.ts";
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
  const name = NAMES.signatures(digest);
  const added: Signatures = Object.assign({}, ...keys.map((key) => signText(commitText(commit), key)));
  for (let left = TRIES; left > 0; left--) {
    const stored = await repository.local.read(name);
    const before = stored ? readSignatures(objectIn(repository.local, name), digest, stored.bytes) : {};
    const signatures = { ...before, ...added };
    try {
      const bytes = Buffer.from(signaturesText(digest, signatures));
      await repository.local.write(name, bytes, stored?.generation ?? "0");
      return signatures;
    } catch (problem) {
      if (!isConflict(problem)) throw problem;
    }
  }
  throw new CliError(
    EXIT.failed,
    `others sign ${digest.slice(0, 12)} all the time`,
    "Nothing was added. Run it again.",
  );
}
