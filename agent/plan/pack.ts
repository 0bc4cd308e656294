import type { Signer } from "../../wire/moult.d.ts";
import { sha256 } from "../edge/sha256.ts";
import { Failure } from "../outcome.ts";
import { isSource } from "./fields.ts";
import { type JsonDocument, readJson } from "./json.ts";
import { requireSignature, type TrustedKeys } from "./keys.ts";

/** What an instance is described by: a manifest and the sources it names. */
export interface Description {
  manifest: JsonDocument;
  source(name: string): Buffer | undefined;
  /** Undefined where nobody's signature was asked for. */
  signedBy?: Signer[];
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
 * Opens a pack. Its commit must have the wanted digest, its signatures hold (where there are `keys`), its blobs be those
 * of its tree, and its bytes the only ones that say all this, before anything in it is looked at. Positions of findings
 * are those in the manifest printed with two spaces of indentation.
 */
export function openPack(bytes: Buffer, commitDigest: string, keys: TrustedKeys = new Map()): Description {
  let pack: Record<string, unknown>;
  let canonical: string;
  let rest: string;
  try {
    pack = asObject(JSON.parse(bytes.toString())) ?? {};
    canonical = canonicalJson(pack.commit ?? null);
    rest = pack.signatures === undefined ? "" : `,"signatures":${canonicalJson(pack.signatures)}`;
  } catch {
    throw invalid("it is not JSON, or nested too deep");
  }
  if (sha256(canonical) !== commitDigest) throw invalid("the digest of its commit is not the one the release names");
  const signatures = signaturesIn(pack);
  const signedBy = keys.size > 0 ? requireSignature(signatures, canonical, keys) : undefined;
  const commit = asObject(pack.commit) ?? {};
  const blobs = asObject(pack.blobs);
  const sources = sourcesIn(blobs, asObject(commit.tree));
  // Put together, not printed: a printer would look at each character of what may be 16 MiB. Hex and base64 need no escapes.
  const encoded = Object.entries(blobs ?? {}).map(([digest, base64]) => `"${digest}":"${base64}"`);
  if (!Buffer.from(`{"blobs":{${encoded.sort().join()}},"commit":${canonical}${rest}}`).equals(bytes))
    throw invalid("its bytes are not the canonical JSON of blobs, commit and signatures");
  return {
    manifest: readJson("manifest", JSON.stringify(commit.manifest ?? null, null, 2)),
    source: (name) => sources.get(name),
    ...(signedBy && { signedBy }),
  };
}

/** Id of the key → signature, each in its one form: 64 bytes have no other standard base64. */
function signaturesIn({ signatures }: Record<string, unknown>): Map<string, string> {
  const given = Object.entries(signatures === undefined ? {} : (asObject(signatures) ?? {}));
  const formed = given.flatMap(([key, value]): [string, string][] =>
    /^[\da-f]{64}$/.test(key) && typeof value === "string" && /^[A-Za-z\d+/]{85}[AQgw]==$/.test(value)
      ? [[key, value]]
      : [],
  );
  if (formed.length < (signatures === undefined ? 0 : Math.max(1, given.length)))
    throw invalid("its signatures are not 64 bytes in base64, each by the digest of its key");
  return new Map(formed);
}

function sourcesIn(
  blobs: Record<string, unknown> | undefined,
  tree: Record<string, unknown> | undefined,
): Map<string, Buffer> {
  if (!blobs || !tree) throw invalid("it has no blobs, or its commit no tree");
  const known = new Map<string, Buffer>();
  const sources = new Map<string, Buffer>();
  for (const [path, digest] of Object.entries(tree)) {
    if (!isSource(path)) throw invalid("its tree holds a path that is not relative and plain");
    const name = String(digest);
    const encoded = Object.hasOwn(blobs, name) ? blobs[name] : undefined;
    if (typeof encoded !== "string") throw invalid(`the blob of ${path} is missing`);
    const bytes = known.get(name) ?? Buffer.from(encoded, "base64");
    if (!known.has(name) && (sha256(bytes) !== digest || bytes.toString("base64") !== encoded))
      throw invalid(`the blob of ${path} does not have its digest`);
    known.set(name, bytes);
    sources.set(path, bytes);
  }
  if (known.size < Object.keys(blobs).length) throw invalid("it holds a blob that its tree does not name");
  return sources;
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : undefined;
}
