import type { KeyObject } from "node:crypto";
import { sha256 } from "../edge/sha256.ts";
import { Failure } from "../outcome.ts";
import { type JsonDocument, readJson } from "./json.ts";
import { requireSignature } from "./keys.ts";

/** What an instance is described by: a manifest and the sources it names. */
export interface Description {
  manifest: JsonDocument;
  source(name: string): Buffer | undefined;
}

export { sha256 };

/** Keys sorted by UTF-16 code units, no white space (RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(",")}}`;
}

const invalid = (message: string) => new Failure("pack-invalid", `The configuration pack is not usable: ${message}`);

/**
 * Opens a pack. Its commit must have the wanted digest, a signature by one of `keys` (when there are any), and every
 * blob the digest its tree names, before anything in it is looked at. Positions of findings are those in the manifest
 * printed with two spaces of indentation.
 */
export function openPack(
  text: string,
  commitDigest: string,
  keys: ReadonlyMap<string, KeyObject> = new Map(),
): Description {
  let pack: Record<string, unknown>;
  let canonical: string;
  try {
    pack = asObject(JSON.parse(text));
    canonical = canonicalJson(pack.commit ?? null);
  } catch {
    throw invalid("it is not JSON, or nested too deep");
  }
  if (sha256(canonical) !== commitDigest) throw invalid("the digest of its commit is not the one the release names");
  if (keys.size > 0) requireSignature(pack.signature, canonical, keys);
  const commit = asObject(pack.commit);
  const blobs = new Map(Object.entries(asObject(pack.blobs)));
  const sources = new Map<string, Buffer>();
  for (const [path, digest] of Object.entries(asObject(commit.tree))) {
    const encoded = blobs.get(String(digest));
    if (typeof encoded !== "string") throw invalid(`the blob of ${path} is missing`);
    const bytes = Buffer.from(encoded, "base64");
    if (sha256(bytes) !== digest) throw invalid(`the blob of ${path} does not have its digest`);
    sources.set(path, bytes);
  }
  return {
    manifest: readJson("manifest", JSON.stringify(commit.manifest ?? null, null, 2)),
    source: (name) => sources.get(name),
  };
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}
