import { createHash } from "node:crypto";

/**
 * Ids, names and tokens of the emulated cloud, drawn from a seed so that a run can be repeated exactly.
 * Numeric ids are text: they exceed 2^53, as the real ones do, so that whoever parses them as numbers is caught.
 */
export class Ids {
  readonly #seed: string;
  #count: number;

  constructor(seed: string, count = 0) {
    this.#seed = seed;
    this.#count = count;
  }

  /** How many ids were drawn; saved with the state so that ids are not drawn twice. */
  get count(): number {
    return this.#count;
  }

  set count(count: number) {
    this.#count = count;
  }

  #draw(): Buffer {
    return createHash("sha256")
      .update(`${this.#seed}:${this.#count++}`)
      .digest();
  }

  /** An id between 2^60 and 2^63. */
  numeric(): string {
    const drawn = this.#draw().readBigUInt64BE() & 0x3fff_ffff_ffff_ffffn;
    return String(drawn | 0x1000_0000_0000_0000n);
  }

  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.#draw().toString("hex");
    return text.slice(0, digits);
  }

  /**
   * A log entry's id. Sorts after every one drawn before it, so that entries of one instant stay in their order:
   * https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/entries/write
   */
  entry(): string {
    const order = this.#count.toString(36).padStart(7, "0");
    return order + this.#draw().toString("hex").slice(0, 7);
  }

  /** As the group's updater names instances: `<base>-<4 of a-z0-9>`. */
  suffix(length = 4): string {
    const letters = "bcdfghjklmnpqrstvwxz0123456789";
    return [...this.#draw().subarray(0, length)].map((byte) => letters[byte % letters.length]).join("");
  }

  uuid(): string {
    const hex = this.hex(32);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }

  /** 8 bytes, base64: what fingerprints and label fingerprints look like. Clients decode them, so they must be base64. */
  fingerprint(): string {
    return this.#draw().subarray(0, 8).toString("base64");
  }
}
