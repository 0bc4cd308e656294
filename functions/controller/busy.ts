/** Google answered 429, 5xx, a rate limit or nothing at all: when a fleet is looked at again, remembered from look to look. */
export interface Busy {
  /** Looks in a row that Google was too busy for. */
  tries: number;
  /** ms since the epoch */
  until: number;
  /** Google's words. */
  why: string;
}

const SHORTEST_MS = 3_000;
const LONGEST_MS = 300_000;

/**
 * Three seconds and a random part of a span that doubles from three seconds, never more than five minutes: fleets that were
 * refused together do not come back together. @param random at least 0, less than 1
 */
export function backOff(before: Busy | undefined, why: string, now: number, random: number): Busy {
  const tries = (before?.tries ?? 0) + 1;
  const span = Math.min(LONGEST_MS - SHORTEST_MS, SHORTEST_MS * 2 ** Math.min(tries - 1, 10));
  return { tries, until: now + SHORTEST_MS + Math.floor(random * span), why };
}
