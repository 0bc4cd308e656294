import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { canonicalJson, sha256 } from "../../agent/plan/pack.ts";
import { CliError, EXIT } from "../failure.ts";
import { Damaged } from "./damage.ts";

/** Key id → base64 of the Ed25519 signature over the canonical JSON of a commit. */
export type Signatures = Record<string, string>;

/** sha256 of the raw 32 bytes of the public key, which are the end of its DER (RFC 8410, section 4). */
export function keyId(key: KeyObject): string {
  const der = (key.type === "private" ? createPublicKey(key) : key).export({ type: "spki", format: "der" });
  return sha256(der.subarray(-32));
}

/** Reads a private or public key in PEM. The error quotes nothing of the file. */
export function readKey(file: string, pem: string, kind: "private" | "public"): KeyObject {
  const refuse = (why: string) =>
    new CliError(EXIT.usage, `${file} ${why}`, 'Make one with "moult config keygen NAME".');
  let key: KeyObject;
  try {
    // A private key in place of a public one says that it has been handed on.
    if (kind === "public" && !/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) throw new Error("not public");
    key = kind === "private" ? createPrivateKey(pem) : createPublicKey(pem);
  } catch {
    throw refuse(`is not a ${kind} key in PEM form without a passphrase`);
  }
  if (key.asymmetricKeyType !== "ed25519") throw refuse(`is a key of type ${key.asymmetricKeyType}, not Ed25519`);
  return key;
}

export function signText(text: string, key: KeyObject): Signatures {
  return { [keyId(key)]: sign(null, Buffer.from(text), key).toString("base64") };
}

export function isSignedBy(text: string, signatures: Signatures, key: KeyObject): boolean {
  const value = signatures[keyId(key)];
  return value !== undefined && verify(null, Buffer.from(text), key, Buffer.from(value, "base64"));
}

/** The object that keeps a commit's signatures: they come and go with keys, and the commit's digest does not. */
export function signaturesText(commit: string, signatures: Signatures): string {
  const rest = { commit, signatures };
  return canonicalJson({ ...rest, check: sha256(canonicalJson(rest)) });
}

/** Throws `Damaged` unless the text is exactly what `signaturesText` writes for this commit. */
export function readSignatures(object: string, commit: string, bytes: Buffer): Signatures {
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Damaged(object, "it is not JSON");
  }
  const signatures =
    typeof value === "object" && value !== null && "signatures" in value ? value.signatures : undefined;
  if (!isSignatures(signatures)) throw new Damaged(object, "it holds no signatures");
  if (signaturesText(commit, signatures) !== text) throw new Damaged(object, "its check does not hold");
  return signatures;
}

export function isSignatures(value: unknown): value is Signatures {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(
      ([key, text]) => /^[0-9a-f]{64}$/.test(key) && typeof text === "string" && /^[A-Za-z0-9+/]{86}==$/.test(text),
    )
  );
}
