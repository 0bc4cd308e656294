import { createHash } from "node:crypto";
import { crc32cBase64 } from "../frame/crc32c.ts";
import type { World } from "../frame/world.ts";
import { isObject, type Json } from "./model.ts";
import { checkFields, invalid } from "./problems.ts";

const SETTINGS = new Set(
  (
    "acl cacheControl contentDisposition contentEncoding contentLanguage contentType contexts customTime " +
    "eventBasedHold metadata retention temporaryHold"
  ).split(" "),
);
const OUTPUT_ONLY = (
  "bucket componentCount crc32c customerEncryption etag generation hardDeleteTime id kind kmsKeyName md5Hash mediaLink " +
  "metageneration name owner restoreToken retentionExpirationTime selfLink size softDeleteTime storageClass timeCreated " +
  "timeDeleted timeFinalized timeStorageClassUpdated updated"
).split(" ");
const KNOWN = new Set([...SETTINGS, ...OUTPUT_ONLY]);

const STORAGE_CLASSES = new Set(
  "STANDARD NEARLINE COLDLINE ARCHIVE MULTI_REGIONAL REGIONAL DURABLE_REDUCED_AVAILABILITY".split(" "),
);

/** Of a bucket or an object; any case is taken, and shown in capitals. Throws 400. */
export function requireStorageClass(value: unknown): string {
  const name = typeof value === "string" ? value.toUpperCase() : "";
  if (!STORAGE_CLASSES.has(name)) throw invalid(`Invalid storage class: ${String(value)}`);
  return name;
}

/** https://cloud.google.com/storage/quotas#objects */
const MOST_CUSTOM_BYTES = 8192;

function requireSmall(metadata: Json): void {
  const size = Object.entries(metadata).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + (value === null ? 0 : Buffer.byteLength(String(value))),
    0,
  );
  if (size > MOST_CUSTOM_BYTES) {
    throw invalid(`Custom metadata of an object may take ${MOST_CUSTOM_BYTES} bytes at most; this takes ${size}.`);
  }
}

/** What a caller may set of an object, out of what was sent. Throws 400 for fields the resource does not have. */
export function settingsOf(world: World, body: Json): Json {
  checkFields(world, body, KNOWN);
  const settings = Object.fromEntries(Object.entries(body).filter(([key]) => SETTINGS.has(key)));
  for (const field of ["contentType", "contentEncoding", "cacheControl", "contentDisposition", "contentLanguage"]) {
    const value = settings[field];
    if (value !== undefined && value !== null && typeof value !== "string")
      throw invalid(`Invalid value for: ${field}`);
  }
  const { customTime, metadata } = settings;
  if (typeof customTime === "string" && Number.isNaN(Date.parse(customTime))) {
    throw invalid(`Invalid value for: Invalid format: "${customTime}"`);
  }
  if (isObject(metadata)) {
    requireSmall(metadata);
    // A map of text to text; null removes in a patch.
    settings.metadata = Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [key, value === null ? null : String(value)]),
    );
  } else if (metadata !== undefined && metadata !== null) throw invalid("Invalid value for: metadata");
  return settings;
}

/** Drops what is null: in an insert it means "not set". */
export function withoutNulls(settings: Json): Json {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]) =>
      value === null ? [] : [[key, isObject(value) ? withoutNulls(value) : value]],
    ),
  );
}

/** Checksums a caller gave: in the resource (`md5Hash`, `crc32c`), in `x-goog-hash`, in `content-md5`. Throws 400. */
export function verifyChecksums(bytes: Buffer, given: Json, headers: Record<string, string>): void {
  const md5s = [given.md5Hash, headers["content-md5"]];
  const crcs = [given.crc32c];
  for (const one of (headers["x-goog-hash"] ?? "").split(",")) {
    const [kind, value] = [one.slice(0, one.indexOf("=")).trim(), one.slice(one.indexOf("=") + 1).trim()];
    if (kind === "md5") md5s.push(value);
    if (kind === "crc32c") crcs.push(value);
  }
  const md5 = createHash("md5").update(bytes).digest("base64");
  const wrongMd5 = md5s.find((value) => typeof value === "string" && value !== "" && value !== md5);
  if (wrongMd5 !== undefined) {
    throw invalid(`Provided MD5 hash "${String(wrongMd5)}" doesn't match calculated MD5 hash "${md5}".`);
  }
  const crc = crc32cBase64(bytes);
  const wrongCrc = crcs.find((value) => typeof value === "string" && value !== "" && value !== crc);
  if (wrongCrc !== undefined) {
    throw invalid(`Provided CRC32C "${String(wrongCrc)}" doesn't match calculated CRC32C "${crc}".`);
  }
}
