import { createHash, createHmac, timingSafeEqual, verify } from "node:crypto";
import type { Call } from "../frame/http.ts";
import type { World } from "../frame/world.ts";
import type { HmacKey } from "./hmac.ts";

/**
 * Who signed a URL or a form, and whether it may be used now. A signature is checked where the signer's key is known
 * here: a service account's (made, uploaded or used through this emulator's IAM) or an HMAC key. A signer whose key
 * nobody here has is believed, as the token of one is.
 * https://cloud.google.com/storage/docs/access-control/signed-urls
 */
export type Verdict =
  | { kind: "unsigned" }
  | { kind: "good"; account: string }
  | { kind: "bad"; status: 400 | 403; code: string; message: string };

export type FindKey = (accessId: string) => HmacKey | undefined;

const SEVEN_DAYS_SECONDS = 604_800;
/** How far a signer's clock may be ahead. */
const SKEW_MS = 15 * 60_000;

const MISMATCH: Verdict = {
  kind: "bad",
  status: 403,
  code: "SignatureDoesNotMatch",
  message:
    "Access denied. The request signature we calculated does not match the signature you provided. Check your Google secret key and signing method.",
};

function bad(status: 400 | 403, code: string, message: string): Verdict {
  return { kind: "bad", status, code, message };
}

/** `20260115T100500Z` as an instant, ms. */
export function basicInstant(text: string): number {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!found) return Number.NaN;
  const [, year, month, day, hour, minute, second] = found.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}

/** RFC 3986, as signatures spell names and values: nothing but letters, digits and `-_.~` stands for itself. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A header's value as a canonical request holds it. */
function trimmed(value: string): string {
  return value.trim().replace(/\s{2,}/g, " ");
}

/** True when one of the signer's known keys made the signature, or none is known. */
export function isSignedBy(world: World, account: string, text: string, signature: Buffer): boolean {
  const keys = world.doors.publicKeys?.(account) ?? [];
  return keys.length === 0 || keys.some((key) => verify("RSA-SHA256", Buffer.from(text), key, signature));
}

/** HMAC as version 4 derives its key, in hex. */
export function hmacSignature(secret: string, scope: string, text: string): Buffer {
  const [date = "", location = "", service = "", request = ""] = scope.split("/");
  const mac = (key: Buffer | string, part: string) => createHmac("sha256", key).update(part).digest();
  return mac(mac(mac(mac(mac(`GOOG4${secret}`, date), location), service), request), text);
}

export function sameMac(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

export function verdictOf(world: World, call: Call, findKey: FindKey): Verdict {
  if (call.query.has("X-Goog-Signature")) return version4(world, call, findKey);
  if (call.query.has("Signature")) return version2(world, call);
  return { kind: "unsigned" };
}

/** Version 2 signs five lines; it is still what Google's Node client makes when not told otherwise. */
function version2(world: World, call: Call): Verdict {
  const { query, headers } = call;
  const account = query.get("GoogleAccessId") ?? "";
  const expires = query.get("Expires") ?? "";
  if (!(Number(expires) * 1000 > world.clock.now())) {
    return bad(400, "ExpiredToken", "The provided token has expired.");
  }
  const extensions = Object.entries(headers)
    .filter(([name]) => name.startsWith("x-goog-") && !/^x-goog-encryption-key(-sha256)?$/.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${trimmed(value)}\n`)
    .join("");
  const lines = (type: string) =>
    [call.method, headers["content-md5"] ?? "", type, expires, `${extensions}${call.path}`].join("\n");
  const signature = Buffer.from(query.get("Signature") ?? "", "base64");
  // A content type counts when it was signed; what a client adds by itself did not have to be.
  const matches = [headers["content-type"] ?? "", ""].some((type) =>
    isSignedBy(world, account, lines(type), signature),
  );
  return matches ? { kind: "good", account } : MISMATCH;
}

function version4(world: World, call: Call, findKey: FindKey): Verdict {
  const { query } = call;
  const [date = "", algorithm = ""] = [query.get("X-Goog-Date") ?? "", query.get("X-Goog-Algorithm") ?? ""];
  const credential = query.get("X-Goog-Credential") ?? "";
  const [account = "", ...scopeParts] = credential.split("/");
  const scope = scopeParts.join("/");
  const seconds = Number(query.get("X-Goog-Expires"));
  const begun = basicInstant(date);
  const now = world.clock.now();
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > SEVEN_DAYS_SECONDS) {
    return bad(400, "InvalidArgument", "X-Goog-Expires must be between 1 and 604800 seconds.");
  }
  if (Number.isNaN(begun) || !/^\d{8}\/[^/]+\/storage\/goog4_request$/.test(scope)) {
    return bad(400, "InvalidArgument", "Invalid X-Goog-Date or X-Goog-Credential.");
  }
  if (begun > now + SKEW_MS) return bad(403, "AccessDenied", "Request signature is not valid yet.");
  if (begun + seconds * 1000 <= now) return bad(400, "ExpiredToken", "Invalid argument. The signature has expired.");
  const signature = Buffer.from(query.get("X-Goog-Signature") ?? "", "hex");
  const texts = canonicalRequests(call).map((request) =>
    [algorithm, date, scope, createHash("sha256").update(request).digest("hex")].join("\n"),
  );
  if (algorithm === "GOOG4-RSA-SHA256") {
    return texts.some((text) => isSignedBy(world, account, text, signature)) ? { kind: "good", account } : MISMATCH;
  }
  if (algorithm !== "GOOG4-HMAC-SHA256") return bad(400, "InvalidArgument", `Invalid algorithm: ${algorithm}`);
  const key = findKey(account);
  if (key?.state !== "ACTIVE") return bad(403, "InvalidAccessKeyId", "The HMAC key is not known or not active.");
  const { secret } = key;
  const matches = secret === undefined || texts.some((text) => sameMac(signature, hmacSignature(secret, scope, text)));
  return matches ? { kind: "good", account: key.email } : MISMATCH;
}

/** What a signer may have signed: clients of a host with a port disagree on whether the port is part of the host. */
function canonicalRequests(call: Call): string[] {
  const { query, headers } = call;
  const parameters = [...query]
    .filter(([name]) => name !== "X-Goog-Signature")
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const signed = (query.get("X-Goog-SignedHeaders") ?? "").split(";").filter(Boolean);
  const host = headers.host ?? "";
  return [host, host.replace(/:\d+$/, "")].map((name) => {
    const lines = signed.map((header) => `${header}:${header === "host" ? name : trimmed(headers[header] ?? "")}\n`);
    const payload = signed.includes("x-goog-content-sha256")
      ? (headers["x-goog-content-sha256"] ?? "")
      : "UNSIGNED-PAYLOAD";
    return [call.method, call.path, parameters, lines.join(""), signed.join(";"), payload].join("\n");
  });
}
