import type { KeyObject } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { loadCrypto } from "../edge/load.ts";
import { sha256 } from "../edge/sha256.ts";
import { Failure } from "../outcome.ts";
import { unlessMissing } from "../place/disk.ts";

const folder = "/usr/lib/moult/keys";

/**
 * The Ed25519 public keys (SPKI PEM) that the image trusts, by the sha256 of the raw key. With any, a configuration must be
 * signed by one of them. A file that is no such key fails: to go on without it could mean to go on unsigned.
 */
export function imageKeys(root: string): Map<string, KeyObject> {
  const names = unlessMissing(() => readdirSync(root + folder)) ?? [];
  return new Map(names.filter((name) => name.endsWith(".pem")).map((name) => readKey(root, `${folder}/${name}`)));
}

function readKey(root: string, path: string): [string, KeyObject] {
  try {
    const pem = readFileSync(root + path, "utf8");
    // A private key would be taken too, and has no business in an image.
    const key = /^\s*-----BEGIN PUBLIC KEY-----/.test(pem) && loadCrypto().createPublicKey(pem);
    // The raw key is the end of the DER. https://www.rfc-editor.org/rfc/rfc8410#section-4
    if (key && key.asymmetricKeyType === "ed25519")
      return [sha256(key.export({ type: "spki", format: "der" }).subarray(-32)), key];
  } catch {
    // Said below: an error of the parser could quote the file.
  }
  throw new Failure("signature-invalid", `${path} is not an Ed25519 public key`);
}

/** Throws unless `text` is signed by one of the keys, of which there is at least one. */
export function requireSignature(signature: unknown, text: string, keys: ReadonlyMap<string, KeyObject>): void {
  const { key, value } = typeof signature === "object" && signature ? { key: "", value: "", ...signature } : {};
  const trusted = typeof key === "string" ? keys.get(key) : undefined;
  const why =
    key === undefined
      ? "is not signed"
      : !trusted
        ? "is signed by a key that the image does not trust"
        : loadCrypto().verify(null, Buffer.from(text), trusted, Buffer.from(String(value), "base64"))
          ? ""
          : "has a signature that is not its own";
  if (why) throw new Failure("signature-invalid", `The image asks for a signed configuration, and this one ${why}`);
}
