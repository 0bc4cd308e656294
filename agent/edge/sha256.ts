import { hasCrypto, loadCrypto } from "./load.ts";

/** Bytes worth hashing here before node:crypto, which costs 5 ms to load, is cheaper. */
let worth = 16 * 1024;

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

/** FIPS 180-4, for some KiB: a boot that finds everything as it was sealed hashes a handful of small files. */
export function smallSha256(bytes: Buffer): string {
  if (initial[0] === 0) fillConstants();
  const state = initial.slice();
  const padded = Buffer.alloc(((bytes.length + 72) >> 6) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  padded.writeUInt32BE(bytes.length * 8, padded.length - 4);
  const input = new Int32Array(padded.swap32().buffer, padded.byteOffset, padded.length >> 2);
  const words = new Int32Array(64);
  for (let at = 0; at < input.length; at += 16) {
    words.set(input.subarray(at, at + 16));
    addBlock(state, words);
  }
  return Buffer.from(state.buffer).swap32().toString("hex");
}

/**
 * A function of its own, which V8 makes faster between two calls of it. Until then it is interpreted: rotations are
 * written out, because calls would cost more than what they do.
 */
function addBlock(state: Int32Array, words: Int32Array): void {
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15] ?? 0;
    const y = words[i - 2] ?? 0;
    const near = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const far = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[i] = near + far + (words[i - 16] ?? 0) + (words[i - 7] ?? 0);
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < 64; i++) {
    const mixed = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = h + mixed + (g ^ (e & (f ^ g))) + (rounds[i] ?? 0) + (words[i] ?? 0);
    const two = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const most = (a & b) | (c & (a | b));
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two + most) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = (state[i] ?? 0) + word;
  });
}
