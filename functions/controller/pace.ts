import { ACTIVE_LOOK_MS } from "../core/decide.ts";

/**
 * How closely looks at one fleet follow one another. Looks that are rung for come out of a bucket that fills by one in four
 * seconds: the first after a quiet while is made at once, those after it wait twice as long each time, and whatever rings, no
 * minute sees more than 19 of them, 21 with a person's.
 */
export interface Pace {
  /** When the last look began, ms since the epoch. */
  last: number;
  /** When all looks of the bucket are there again. */
  full: number;
}

/**
 * What a look is made for. `instant` and `poll` are the look's own wish: the end of a bake, which comes once, and what has no
 * event, which gives way to a storm. The others ring. What becomes of single machines leaves room for what a machine reports.
 */
export type Motive = "instant" | "poll" | "person" | "event" | "machines";

/** How many looks may be missing from the bucket afterwards. */
const BUCKET: Record<Exclude<Motive, "instant">, number> = { person: 6, event: 4, poll: 4, machines: 3 };
/** Two looks that events ask for are twice this apart, and twice as far again for each look that is missing. */
const CLOSEST_MS = 125;

const isOwn = (motive: Motive) => motive === "instant" || motive === "poll";

export function spent({ full }: Pace, at: number, motive: Motive): Pace {
  return { last: at, full: isOwn(motive) ? full : Math.max(full, at) + ACTIVE_LOOK_MS };
}

export function soonest({ last, full }: Pace, motive: Motive): number {
  if (motive === "instant") return 0;
  const there = full - (BUCKET[motive] - 1) * ACTIVE_LOOK_MS;
  if (motive === "poll" || motive === "person") return there;
  const missing = Math.max(0, (full - last) / ACTIVE_LOOK_MS);
  return Math.max(there, last + Math.min(ACTIVE_LOOK_MS, CLOSEST_MS * 2 ** missing));
}
