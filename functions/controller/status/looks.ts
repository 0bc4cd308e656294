import type { Time } from "../time.ts";

/** However many ask, and however often. */
export const FRESH_MS = 5_000;
/** More fleets and machines than that are not looked at in one breath: what is stale is forgotten then. */
const KEPT = 1_000;

export type Look = <T>(what: string, work: () => Promise<T>) => Promise<T>;

/**
 * One look at a thing for all who ask within five seconds, and never two at once. A look that failed counts as one: what is
 * away is not asked more often than what is there.
 */
export function makeLooks(time: Pick<Time, "now">): Look {
  const looks = new Map<string, { since: number; pending: boolean; seen: Promise<unknown> }>();
  return <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const now = time.now();
    const known = looks.get(what);
    if (known && (known.pending || now - known.since < FRESH_MS)) return known.seen as Promise<T>;
    if (looks.size >= KEPT)
      for (const [key, { since, pending }] of looks) if (!pending && now - since >= FRESH_MS) looks.delete(key);
    const seen = work();
    const look = { since: now, pending: true, seen };
    looks.set(what, look);
    const done = () => {
      look.pending = false;
    };
    seen.then(done, done);
    return seen;
  };
}

/** All of them, some at a time, in their order. */
export async function each<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += atOnce)
    results.push(...(await Promise.all(items.slice(i, i + atOnce).map(work))));
  return results;
}
