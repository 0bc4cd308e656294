/** Random inputs that a seed repeats. */
export interface Random {
  /** Whole number below `most`. */
  below(most: number): number;
  pick<T>(items: readonly T[]): T | undefined;
  /** Any bytes, or characters that mean something to some parser, with `marker` in quotes somewhere. */
  bytes(marker: string): Buffer;
  /** Some bytes changed, left out, doubled, or cut off. */
  damaged(bytes: Buffer): Buffer;
}

const signs = [
  ..."{}[]()\"'`:,.;#&*|>-+=<>/\\$%!?@~^_ \t\n\r\0",
  "{{",
  "}}",
  "\ud800",
  "\u2028",
  "é",
  "0",
  "1e999",
  "null",
  "---",
];

export function randomFrom(seed: number): Random {
  // Mulberry32: small, and good enough to pick inputs.
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (most: number) => Math.floor(next() * most);
  const pick = <T>(items: readonly T[]) => items[below(items.length)];
  const bytes = (marker: string): Buffer => {
    const raw = below(2) === 0;
    const parts = Array.from({ length: below(40) }, () =>
      raw ? Buffer.from(Array.from({ length: 1 + below(4) }, () => below(256))) : Buffer.from(pick(signs) ?? ""),
    );
    // In quotes: a bare word could be taken for a key, and keys are named.
    parts.splice(below(parts.length + 1), 0, Buffer.from(` "${marker}" `));
    return Buffer.concat(parts);
  };
  const damaged = (whole: Buffer): Buffer => {
    let left = whole;
    for (let i = 0; i <= below(4); i++) {
      const at = below(left.length + 1);
      const to = Math.min(left.length, at + 1 + below(8));
      const put = pick([
        Buffer.from(pick(signs) ?? ""),
        Buffer.from([below(256)]),
        left.subarray(at, to),
        Buffer.alloc(0),
      ]);
      left = Buffer.concat([left.subarray(0, at), put ?? Buffer.alloc(0), left.subarray(below(2) === 0 ? at : to)]);
    }
    return left;
  };
  return { below, pick, bytes, damaged };
}
