import { gunzipSync } from "node:zlib";
import { ApiError } from "../frame/errors.ts";
import type { Answer } from "../frame/http.ts";
import { customerKey, plainBytes } from "./keys.ts";
import type { Generation } from "./model.ts";
import { objectEtag } from "./resources.ts";

/** A half-open range of bytes. */
interface Span {
  from: number;
  to: number;
}

/** One range of a `Range` header; undefined when all is meant. Several ranges are answered whole, as Storage does. */
function spanOf(header: string | undefined, size: number): Span | undefined | "unsatisfiable" {
  const found = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? "");
  if (!found || (found[1] === "" && found[2] === "")) return undefined;
  const [, first = "", last = ""] = found;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { from: size - length, to: size };
  }
  const from = Number(first);
  if (last !== "" && Number(last) < from) return undefined;
  if (from >= size) return "unsatisfiable";
  return { from, to: last === "" ? size : Math.min(Number(last) + 1, size) };
}

function text(settings: Generation["settings"], field: string): string | undefined {
  const value = settings[field];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Unpacks for a client that cannot: https://cloud.google.com/storage/docs/transcoding */
function mustUnpack(one: Generation, headers: Record<string, string>): boolean {
  return (
    text(one.settings, "contentEncoding") === "gzip" &&
    !/\bgzip\b/.test(headers["accept-encoding"] ?? "") &&
    !(text(one.settings, "cacheControl") ?? "").includes("no-transform")
  );
}

/**
 * The bytes of a generation, or the range asked for, with the headers clients verify them by. Throws 400 without the
 * customer-supplied key that it may need.
 */
export function download(one: Generation, headers: Record<string, string>): Answer {
  const { settings } = one;
  const bytes = plainBytes(one, customerKey(headers));
  const optional = {
    "content-encoding": text(settings, "contentEncoding"),
    "content-disposition": text(settings, "contentDisposition"),
    "content-language": text(settings, "contentLanguage"),
  };
  const common: Record<string, string> = {
    "content-type": text(settings, "contentType") ?? "application/octet-stream",
    "cache-control": text(settings, "cacheControl") ?? "no-cache, no-store, max-age=0, must-revalidate",
    etag: objectEtag(one),
    "last-modified": new Date(one.updatedAt).toUTCString(),
    "x-goog-generation": one.generation,
    "x-goog-metageneration": String(one.metageneration),
    "x-goog-hash": `crc32c=${one.crc32c}${one.md5 === undefined ? "" : `,md5=${one.md5}`}`,
    "x-goog-storage-class": one.storageClass,
    ...(one.seal && {
      "x-goog-encryption-algorithm": "AES256",
      "x-goog-encryption-key-sha256": one.seal.sha256,
    }),
    ...(one.kmsKeyName !== undefined && { "x-goog-encryption-kms-key-name": one.kmsKeyName }),
    "x-goog-stored-content-encoding": text(settings, "contentEncoding") ?? "identity",
    "x-goog-stored-content-length": String(bytes.length),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
  if (mustUnpack(one, headers)) {
    delete common["content-encoding"];
    const unpacked = { ...common, warning: "214 UploadServer gunzipped", vary: "Accept-Encoding" };
    try {
      return { bytes: gunzipSync(bytes), headers: unpacked };
    } catch {
      // Labelled gzip and is not: sent as it lies there.
    }
  }
  const span = spanOf(headers.range, bytes.length);
  if (span === "unsatisfiable") {
    throw new ApiError(416, "Request range not satisfiable", {
      reason: "requestedRangeNotSatisfiable",
      locationType: "header",
      location: "Range",
      headers: { "content-range": `bytes */${bytes.length}` },
    });
  }
  if (!span) return { bytes, headers: { ...common, "accept-ranges": "bytes" } };
  return {
    status: 206,
    bytes: bytes.subarray(span.from, span.to),
    headers: { ...common, "content-range": `bytes ${span.from}-${span.to - 1}/${bytes.length}` },
  };
}
