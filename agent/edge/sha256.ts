import { hasCrypto, loadCrypto } from "./load.ts";

/** Bytes worth hashing here before node:crypto, which costs 5 ms to load, is cheaper. */
let worth = 4 * 1024;

/** Lower-case hex. */
export function sha256(data: Buffer | string): string {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  if (hasCrypto() || bytes.length > worth) return loadCrypto().createHash("sha256").update(bytes).digest("hex");
  worth -= bytes.length;
  return smallSha256(bytes);
}

/** First 32 bits of the fractional parts of the first 64 primes' cube roots, and of the first 8 square roots. */
const rounds = new Int32Array(64);
const initial = new Int32Array(8);

function fillConstants(): void {
  const composite = new Uint8Array(312);
  for (let prime = 2, n = 0; n < 64; prime++) {
    if (composite[prime]) continue;
    for (let multiple = prime * prime; multiple < 312; multiple += prime) composite[multiple] = 1;
    if (n < 8) initial[n] = (Math.sqrt(prime) % 1) * 2 ** 32;
    rounds[n++] = (Math.cbrt(prime) % 1) * 2 ** 32;
  }
}

const turn = (x: number, by: number) => (x >>> by) | (x << (32 - by));

/** FIPS 180-4, for a few KiB: a boot that finds everything as it was sealed hashes a handful of small files. */
export function smallSha256(bytes: Buffer): string {
  if (initial[0] === 0) fillConstants();
  const state = initial.slice();
  const padded = Buffer.alloc(((bytes.length + 72) >> 6) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  padded.writeUInt32BE(bytes.length * 8, padded.length - 4);
  const words = new Int32Array(64);
  for (let at = 0; at < padded.length; at += 64) {
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let i = 0; i < 64; i++) {
      if (i < 16) words[i] = padded.readInt32BE(at + i * 4);
      else {
        const x = words[i - 15] ?? 0;
        const y = words[i - 2] ?? 0;
        const near = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
        const far = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
        words[i] = (words[i - 16] ?? 0) + near + (words[i - 7] ?? 0) + far;
      }
      const mixed = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const one = (h + mixed + ((e & f) ^ (~e & g)) + (rounds[i] ?? 0) + (words[i] ?? 0)) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => {
      state[i] = (state[i] ?? 0) + word;
    });
  }
  return Buffer.from(state.buffer).swap32().toString("hex");
}
