/** An instant as RFC 3339 text in UTC with milliseconds, so that a person can read a record. Compares as text. */
export type Instant = string;

export function instant(ms: number): Instant {
  return new Date(ms).toISOString();
}

export function msOf(at: Instant): number {
  return Date.parse(at);
}

export function later(at: Instant, ms: number): Instant {
  return instant(msOf(at) + ms);
}

export function earliest(...instants: (Instant | undefined)[]): Instant | undefined {
  return instants.reduce<Instant | undefined>(
    (min, at) => (at !== undefined && (!min || at < min) ? at : min),
    undefined,
  );
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `5m`, `2h`, `1d` → milliseconds; undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d+)([smhd])$/.exec(text);
  const unit = found?.[2] === undefined ? undefined : UNITS[found[2]];
  return unit === undefined ? undefined : Number(found?.[1]) * unit;
}

/** Milliseconds → the shortest whole form, e.g. 300000 → `5m`. */
export function formatDuration(ms: number): string {
  for (const [unit, size] of Object.entries(UNITS).reverse())
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  return `${Math.round(ms / 1000)}s`;
}
