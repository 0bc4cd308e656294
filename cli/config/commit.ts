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

/** `object` is what messages call it. Throws `Damaged` unless the bytes have the digest and are a commit. */
export function readCommit(object: string, digest: string, bytes: Buffer): ConfigCommit {
  if (sha256(bytes) !== digest) throw new Damaged(object, "its content does not have the digest of its name");
  const value: unknown = JSON.parse(bytes.toString("utf8"));
  if (!isCommit(value)) throw new Damaged(object, "it is not a configuration commit");
  return value;
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
    Object.entries(value).every(([path, digest]) => goodPath(path) && typeof digest === "string" && DIGEST.test(digest))
  );
}
