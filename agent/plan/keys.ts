import type { KeyObject } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { Signer } from "../../wire/moult.d.ts";
import { loadCrypto } from "../edge/load.ts";
import { sha256 } from "../edge/sha256.ts";
import { Failure } from "../outcome.ts";
import { unlessMissing } from "../place/disk.ts";

const folder = "/usr/lib/moult/keys";

/** By the sha256 of the raw key, in hex. `name` is that of its file without `.pem` or `.pub.pem`. */
export type TrustedKeys = ReadonlyMap<string, { name: string; key: KeyObject }>;

/**
 * The Ed25519 public keys (SPKI PEM) that the image trusts. With any, a configuration must be signed by one of them. A file
 * that is no such key fails: to go on without it could mean to go on unsigned.
 */
export function imageKeys(root: string): TrustedKeys {
  const names = unlessMissing(() => readdirSync(root + folder)) ?? [];
  return new Map(
    names
      .filter((name) => name.endsWith(".pem"))
      .sort()
      .map((name) => readKey(root, name)),
  );
}

function readKey(root: string, file: string): [string, { name: string; key: KeyObject }] {
  const path = `${folder}/${file}`;
  try {
    const pem = readFileSync(root + path, "utf8");
    // A private key would be taken too, and has no business in an image.
    const key = /^\s*-----BEGIN PUBLIC KEY-----/.test(pem) && loadCrypto().createPublicKey(pem);
    // The raw key is the end of the DER. https://www.rfc-editor.org/rfc/rfc8410#section-4
    if (key && key.asymmetricKeyType === "ed25519")
      return [
        sha256(key.export({ type: "spki", format: "der" }).subarray(-32)),
        { name: file.replace(/(\.pub)?\.pem$/, ""), key },
      ];
  } catch {
    // Said below: an error of the parser could quote the file.
  }
  throw new Failure("signature-invalid", `${path} is not an Ed25519 public key`);
}

/**
 * Throws unless one of the keys, of which there is at least one, has signed `text`, and all of them whose signatures there
 * are. Of others nothing is said: they are of keys that came after this image, or that it does not take any more.
 * @param signatures id of the key → base64.
 */
export function requireSignature(signatures: ReadonlyMap<string, string>, text: string, keys: TrustedKeys): Signer[] {
  const refuse = (why: string) =>
    new Failure("signature-invalid", `The image asks for a signed configuration, and this one ${why}`);
  if (signatures.size === 0) throw refuse("is not signed");
  const signers: Signer[] = [];
  for (const [id, value] of signatures) {
    const trusted = keys.get(id);
    if (!trusted) continue;
    if (!loadCrypto().verify(null, Buffer.from(text), trusted.key, Buffer.from(value, "base64")))
      throw refuse(`has a signature in the name of the key ${trusted.name} that this key did not make`);
    signers.push({ key: id, name: trusted.name });
  }
  if (signers.length === 0) throw refuse("is signed by none of the keys that the image trusts");
  return signers;
}
