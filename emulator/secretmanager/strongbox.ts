import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A payload as it lies in the state file: AES-256-GCM, all parts in base64. */
export interface Sealed {
  iv: string;
  tag: string;
  data: string;
}

/**
 * Keeps payloads unreadable at rest. The key lies beside the state in `secrets.key`, for its owner only: this guards
 * against a copied or searched state file, not against whoever can read the whole folder.
 */
export class Strongbox {
  readonly #file: string;
  #key: Buffer | undefined;

  constructor(folder: string) {
    this.#file = join(folder, "secrets.key");
  }

  /** `mayMake`: a key is made only to seal; to open, one must be there. */
  #open(mayMake: boolean): Buffer {
    if (this.#key) return this.#key;
    try {
      this.#key = readFileSync(this.#file);
    } catch (problem) {
      if (!mayMake || (problem as NodeJS.ErrnoException).code !== "ENOENT") throw problem;
      this.#key = randomBytes(32);
      writeFileSync(this.#file, this.#key, { mode: 0o600, flag: "wx", flush: true });
    }
    return this.#key;
  }

  /** `context` is authenticated too, so that a payload cannot be moved to another name. */
  seal(payload: Buffer, context: string): Sealed {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#open(true), iv).setAAD(Buffer.from(context));
    const data = Buffer.concat([cipher.update(payload), cipher.final()]);
    return { iv: iv.toString("base64"), tag: cipher.getAuthTag().toString("base64"), data: data.toString("base64") };
  }

  unseal(sealed: Sealed, context: string): Buffer {
    const decipher = createDecipheriv("aes-256-gcm", this.#open(false), Buffer.from(sealed.iv, "base64"))
      .setAAD(Buffer.from(context))
      .setAuthTag(Buffer.from(sealed.tag, "base64"));
    return Buffer.concat([decipher.update(Buffer.from(sealed.data, "base64")), decipher.final()]);
  }
}
