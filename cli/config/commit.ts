import { canonicalJson, sha256 } from "../../agent/plan/pack.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { Damaged } from "./damage.ts";
import { DIGEST } from "./objects.ts";
import { goodPath } from "./paths.ts";

/** The object of a commit holds exactly this text, and the commit is named by its digest. */
export function commitText(commit: ConfigCommit): string {
  return canonicalJson(commit);
}

export function commitDigest(commit: ConfigCommit): string {
  return sha256(commitText(commit));
}

/**
 * `object` is what messages call it. Throws `Damaged` unless the bytes have the digest and are the one text of a commit: whoever
 * writes it elsewhere prints it anew, and the name must be true of that too.
 */
export function readCommit(object: string, digest: string, bytes: Buffer): ConfigCommit {
  if (sha256(bytes) !== digest) throw new Damaged(object, "its content does not have the digest of its name");
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new Damaged(object, "it is not JSON");
  }
  if (!isCommit(value) || !isTextOf(value, bytes)) throw new Damaged(object, "it is not a configuration commit");
  return value;
}

/** False also when it is nested too deep to be printed. */
function isTextOf(commit: ConfigCommit, bytes: Buffer): boolean {
  try {
    return Buffer.from(commitText(commit)).equals(bytes);
  } catch {
    return false;
  }
}

function isCommit(value: unknown): value is ConfigCommit {
  if (typeof value !== "object" || value === null) return false;
  const { tree, manifest, parent, message, author, time, ...rest }: Partial<Record<string, unknown>> = { ...value };
  return (
    Object.keys(rest).length === 0 &&
    manifest !== undefined &&
    isTree(tree) &&
    (parent === null || (typeof parent === "string" && DIGEST.test(parent))) &&
    [message, author, time].every((text) => typeof text === "string")
  );
}

function isTree(value: unknown): value is ConfigCommit["tree"] {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(
      ([path, digest]) =>
        goodPath(path) && !isBelowFile(value, path) && typeof digest === "string" && DIGEST.test(digest),
    )
  );
}

/** Nothing can be a file and a folder. */
function isBelowFile(tree: object, path: string): boolean {
  for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1))
    if (Object.hasOwn(tree, path.slice(0, end))) return true;
  return false;
}
