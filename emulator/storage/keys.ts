import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { ApiError } from "../frame/errors.ts";
import { type Bucket, type Generation, isObject } from "./model.ts";
import { invalid } from "./problems.ts";

/** Encryption that a caller asks for. https://cloud.google.com/storage/docs/encryption */

export interface CustomerKey {
  key: Buffer;
  sha256: string;
}

function refused(message: string, reason: string): ApiError {
  return new ApiError(400, message, { reason });
}

/**
 * The customer-supplied key of a call, or with `source` the one of the object it copies from; undefined when there is
 * none. Throws the documented 400s for a key that is not a key.
 */
export function customerKey(headers: Record<string, string>, source = false): CustomerKey | undefined {
  const prefix = `x-goog-${source ? "copy-source-" : ""}encryption`;
  const [algorithm, text, digest] = [`${prefix}-algorithm`, `${prefix}-key`, `${prefix}-key-sha256`].map(
    (name) => headers[name],
  );
  if (algorithm === undefined && text === undefined && digest === undefined) return undefined;
  if (algorithm !== "AES256") {
    throw refused(
      'Missing an encryption algorithm, or the provided algorithm is not "AES256".',
      "customerEncryptionAlgorithmIsInvalid",
    );
  }
  const key = Buffer.from(text ?? "", "base64");
  if (key.length !== 32) {
    throw refused(
      "Missing an encryption key, or it is not base64 encoded, or it does not meet the required length of the encryption algorithm.",
      "customerEncryptionKeyFormatIsInvalid",
    );
  }
  const sha256 = createHash("sha256").update(key).digest("base64");
  if (digest !== sha256) {
    throw refused(
      "Missing a SHA256 hash of the encryption key, or it is not base64 encoded, or it does not match the encryption key.",
      "customerEncryptionKeySha256IsInvalid",
    );
  }
  return { key, sha256 };
}

/** The bytes as they lie: unreadable without the key, which is not kept. */
export function sealed(
  bytes: Buffer,
  { key, sha256 }: CustomerKey,
): { bytes: Buffer; seal: { sha256: string; iv: string } } {
  const iv = randomBytes(16);
  const cipher = createCipheriv("aes-256-ctr", key, iv);
  return {
    bytes: Buffer.concat([cipher.update(bytes), cipher.final()]),
    seal: { sha256, iv: iv.toString("base64") },
  };
}

/** Throws the documented 400 unless the key is the one that this generation was stored with. */
export function requireKey({ seal }: Generation, key: CustomerKey | undefined): void {
  if (seal === undefined && key === undefined) return;
  if (seal === undefined) {
    throw refused(
      "The target object is not encrypted by a customer-supplied encryption key.",
      "resourceNotEncryptedWithCustomerEncryptionKey",
    );
  }
  if (key === undefined) {
    throw refused(
      "The target object is encrypted by a customer-supplied encryption key.",
      "resourceIsEncryptedWithCustomerEncryptionKey",
    );
  }
  if (key.sha256 !== seal.sha256) {
    throw refused("The provided encryption key is incorrect.", "customerEncryptionKeyIsIncorrect");
  }
}

/** What was stored. Throws 400 without the right key. */
export function plainBytes(one: Generation, key: CustomerKey | undefined): Buffer {
  requireKey(one, key);
  if (one.seal === undefined || key === undefined) return one.bytes;
  const decipher = createDecipheriv("aes-256-ctr", key.key, Buffer.from(one.seal.iv, "base64"));
  return Buffer.concat([decipher.update(one.bytes), decipher.final()]);
}

const KMS_KEY = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/;

export function requireKmsKey(name: unknown): string {
  if (typeof name === "string" && KMS_KEY.test(name)) return name;
  throw invalid(`Malformed Cloud KMS crypto key: ${String(name)}`);
}

/**
 * The version of the Cloud KMS key that a new object is marked with: the call's, or the bucket's default. There is no
 * Cloud KMS here: a key is taken at its word, its first version is in use, and the bytes lie as they are.
 */
export function kmsKeyOf(asked: string | null, bucket: Bucket, key: CustomerKey | undefined): string | undefined {
  if (asked && key) {
    throw invalid("A Cloud KMS key and a customer-supplied encryption key cannot be used together.");
  }
  if (key) return undefined;
  const { encryption } = bucket.settings;
  const name = asked || (isObject(encryption) ? encryption.defaultKmsKeyName : undefined);
  return name === undefined ? undefined : `${requireKmsKey(name)}/cryptoKeyVersions/1`;
}
