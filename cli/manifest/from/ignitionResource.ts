import { createHash, timingSafeEqual } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { list, object, optional, text } from "../../../agent/plan/checker.ts";
import type { Reading } from "./reading.ts";
import { entry } from "./reading.ts";

/** The same for a file, a fragment, a configuration to merge, a bundle of authorities, and a key. */
export const resource = entry({
  source: optional(text()),
  compression: optional(text()),
  httpHeaders: list(object({ name: text(), value: optional(text()) })),
  verification: optional(object({ hash: optional(text()) })),
});
export type Resource = NonNullable<ReturnType<typeof resource>>;

/** As large as a configuration pack. */
const largest = 16 * 1024 * 1024;

/** The bytes that Ignition would write, their digest checked; undefined when they cannot be had here, which is said. */
export function bytesOf(
  reading: Reading,
  { at, source = "", compression = "", verification }: Resource,
): Buffer | undefined {
  const place = `${at}.source`;
  const raw = source === "" ? Buffer.alloc(0) : fromUrl(reading, place, source, verification?.hash !== undefined);
  if (!raw) return undefined;
  const bytes = expand(reading, `${at}.compression`, compression, raw);
  return bytes && isAsHashed(reading, `${at}.verification.hash`, verification?.hash, bytes) ? bytes : undefined;
}

function fromUrl(reading: Reading, at: string, url: string, hashed: boolean): Buffer | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "data") return fromData(reading, at, url);
  const known = ["http", "https", "tftp", "s3", "arn", "gs"].includes(scheme ?? "");
  return known
    ? reading.leave(
        at,
        "fetched-at-boot",
        `A machine of moult fetches nothing over ${scheme} at boot: what is there by then may be something else.`,
        `Fetch it now${hashed ? " and compare its digest" : ""}, put it into files/ and name it with \`source\`.`,
      )
    : reading.leave(
        at,
        "not-a-url",
        "It is no URL of a scheme that Ignition has.",
        "Put it right, and translate again.",
      );
}

/** RFC 2397: percent-encoded bytes, or base64. */
function fromData(reading: Reading, at: string, url: string): Buffer | undefined {
  const comma = url.indexOf(",");
  const head = url.slice("data:".length, Math.max(comma, 0));
  const body = percentDecoded(url.slice(comma + 1));
  const malformed = () =>
    reading.leave(at, "data-malformed", "The data URL cannot be read.", "Put it right, and translate again.");
  if (comma < 0 || !body) return malformed();
  if (!/;base64$/i.test(head)) return body;
  const digits = body.toString("latin1");
  return /^[A-Za-z0-9+/]*={0,2}$/.test(digits) && digits.length % 4 === 0 ? Buffer.from(digits, "base64") : malformed();
}

function percentDecoded(text: string): Buffer | undefined {
  if (/%(?![0-9a-f]{2})/i.test(text)) return undefined;
  const parts = text.split(/((?:%[0-9a-f]{2})+)/i);
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 1 ? Buffer.from(part.replaceAll("%", ""), "hex") : Buffer.from(part))),
  );
}

function expand(reading: Reading, at: string, compression: string, raw: Buffer): Buffer | undefined {
  if (compression === "") return raw;
  if (compression !== "gzip")
    return reading.leave(at, "not-a-compression", "Ignition knows gzip only.", "Put it right, and translate again.");
  try {
    return gunzipSync(raw, { maxOutputLength: largest });
  } catch {
    return reading.leave(
      at,
      "not-gzip",
      "The data is not gzip, or more than 16 MiB.",
      "Put it right, or bake the file into the image.",
    );
  }
}

/** `sha512-<hex>` or `sha256-<hex>`, of what the data is once it is decompressed. */
function isAsHashed(reading: Reading, at: string, hash: string | undefined, bytes: Buffer): boolean {
  if (hash === undefined) return true;
  const [, algorithm = "", hex = ""] = /^(sha512|sha256)-([0-9a-f]+)$/i.exec(hash) ?? [];
  const wanted = Buffer.from(hex, "hex");
  const found = algorithm === "" ? undefined : createHash(algorithm.toLowerCase()).update(bytes).digest();
  if (found?.length === wanted.length && timingSafeEqual(found, wanted)) return true;
  reading.leave(
    at,
    found ? "hash-differs" : "hash-malformed",
    found
      ? "The data does not have this digest; Ignition would stop the boot."
      : "A digest is sha512- or sha256-, and hexadecimal digits.",
    "Find out which of the two is wrong, and translate again.",
  );
  return false;
}
