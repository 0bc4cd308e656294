import { randomUUID } from "node:crypto";
import { ACTIVE_LOOK_MS } from "../core/decide.ts";
import { instant } from "../core/instants.ts";
import { isFailure } from "../google/failure.ts";
import { type Busy, backOff } from "./busy.ts";
import type { Cloud } from "./cloud.ts";
import { type Looked, reconcile } from "./reconcile.ts";
import { paths } from "./records.ts";
import type { Rest } from "./rest.ts";
import { both, contains, type Wish } from "./wish.ts";

/** The next look that is planned, and by whom. One small object a fleet, so that a storm of events makes few looks. */
export interface Bell {
  /** When the look begins, ms since the epoch. */
  at: number;
  /** When the last look before it began; 0 when none is known. */
  last: number;
  owner: string;
  /** The look was made, and its owner plans no other. */
  made?: true;
  /** What the planned look is for; everything when it is absent. */
  wish?: Wish;
  busy?: Busy;
  rest?: Rest;
}

interface Rung {
  bell: Bell;
  generation: string;
}

/** A look due within this is waited for; a later one is left to the tick. Well under the function's time limit. */
const WAIT_MS = 20_000;
/** One call goes on looking for at most this long, then hands on by a message. */
const STAY_MS = 45_000;
/** A look that somebody else planned and that is not begun by then is taken over: its owner died. */
export const GRACE_MS = 2_000;

/**
 * Looks at a fleet soon: at once, or as soon as the last look is three seconds old. Rung any number of times at once, one
 * caller looks and the others return, knowing that a look will begin after their event; one of them a process stays to see
 * that it does. Whoever looks waits for what the look found due soon (the end of a bake, a machine booting) unless somebody
 * else takes over. While Google is busy or away the looks keep their distance. docs/decisions/0002-bell.md.
 */
export async function ring(cloud: Cloud, fleet: string, wish: Wish = "all"): Promise<void> {
  const owner = randomUUID();
  const { now } = cloud.time;
  const until = now() + STAY_MS;
  let rung = await plan(cloud, fleet, owner, now(), wish);
  for (;;) {
    // Further away than a call may wait: the tick rings when it is due.
    const wait = rung.bell.at - now();
    if (wait > WAIT_MS) return;
    if (rung.bell.owner !== owner) {
      if (await comesToPass(cloud, fleet, rung.bell)) return;
      rung = await plan(cloud, fleet, owner, now(), wish);
      continue;
    }
    if (wait > 0) {
      await cloud.time.sleep(wait);
      rung = await readBell(cloud, fleet);
      // Taken over, or put off.
      if (rung.bell.owner !== owner) return;
      if (rung.bell.at > now()) continue;
    }
    const looked = await look(cloud, fleet, rung.bell);
    if (looked.busy !== undefined) {
      rung = await putOff(cloud, fleet, looked.busy);
      if (rung.bell.at > until) return;
      continue;
    }
    const due = looked.next === null ? Number.POSITIVE_INFINITY : Date.parse(looked.next);
    if (due - now() > WAIT_MS || due > until) {
      if (due - now() <= WAIT_MS) await cloud.topics.ring(cloud.settings.ticksTopic, { fleet });
      await markMade(cloud, fleet, owner, rung, looked.rest);
      return;
    }
    rung = await plan(cloud, fleet, owner, due, "all", true);
  }
}

/** What passes is not thrown: it is asked again later, and later still. */
async function look(cloud: Cloud, fleet: string, { wish = "all", rest }: Bell): Promise<Looked> {
  try {
    return await reconcile(cloud, fleet, { wish, rest });
  } catch (problem) {
    if (isFailure(problem, "unavailable")) return { next: null, busy: problem.message };
    throw problem;
  }
}

export async function readBell(cloud: Pick<Cloud, "state">, fleet: string): Promise<Rung> {
  const stored = await cloud.state.read(paths.bell(fleet));
  const bell = stored ? (JSON.parse(stored.text) as Bell) : { at: 0, last: 0, owner: "", made: true as const };
  return { bell, generation: stored?.generation ?? "0" };
}

/** Undefined when somebody else wrote meanwhile. */
async function write(cloud: Cloud, fleet: string, bell: Bell, generation: string): Promise<Rung | undefined> {
  try {
    return { bell, generation: await cloud.state.write(paths.bell(fleet), JSON.stringify(bell), generation) };
  } catch (problem) {
    if (isFailure(problem, "conflict")) return undefined;
    throw problem;
  }
}

/**
 * Takes the next look, unless one is planned that will see what we have seen; returns whichever it is. What an event brings
 * waits until the last look is three seconds old, and as long as Google is busy; what a look itself found due does not. A
 * person's word is tried at once, busy or not.
 */
async function plan(
  cloud: Cloud,
  fleet: string,
  owner: string,
  wanted: number,
  wish: Wish,
  succeeded = false,
): Promise<Rung> {
  for (;;) {
    const rung = await readBell(cloud, fleet);
    const { bell, generation } = rung;
    const now = cloud.time.now();
    const own = bell.owner === owner;
    const busy = succeeded ? undefined : bell.busy;
    const person = wish !== "all" && wish.includes("commands");
    const kept = busy !== undefined && busy.until > now && !person;
    const ahead = bell.at > now;
    // A look in the future sees everything that is true now; one that is due may have begun before our event.
    if (!own && ahead && (kept || bell.at <= Math.max(wanted, now + ACTIVE_LOOK_MS))) {
      const planned = bell.wish ?? "all";
      if (contains(planned, wish)) return rung;
      const widened = await write(cloud, fleet, { ...bell, wish: both(planned, wish) }, generation);
      if (widened) return widened;
      continue;
    }
    const last = ahead ? bell.last : bell.at;
    const soonest = own ? wanted : Math.max(wanted, last + ACTIVE_LOOK_MS);
    // What a look was planned for and not made is still to be seen.
    const open = own || bell.made || bell.at === 0 ? wish : both(bell.wish ?? "all", wish);
    const next: Bell = {
      at: kept ? Math.max(soonest, busy.until) : soonest,
      last,
      owner,
      ...(open !== "all" && { wish: open }),
      ...(busy && { busy }),
      ...(bell.rest && { rest: bell.rest }),
    };
    const written = await write(cloud, fleet, next, generation);
    if (written) return written;
  }
}

/** A look that was planned by somebody who lives is followed by another plan, or by this. Losing the match means the same. */
async function markMade(cloud: Cloud, fleet: string, owner: string, rung: Rung, rest: Rest | undefined): Promise<void> {
  const { at, last } = rung.bell;
  if (await write(cloud, fleet, { at, last, owner, made: true, ...(rest && { rest }) }, rung.generation)) return;
  // Somebody has planned the next look meanwhile. It need not keep a distance any more.
  for (;;) {
    const { bell, generation } = await readBell(cloud, fleet);
    const { busy, ...free } = bell;
    if (!busy || (await write(cloud, fleet, free, generation))) return;
  }
}

/** Google is busy or away: whoever looks next, not before a while, and longer each time. */
async function putOff(cloud: Cloud, fleet: string, why: string): Promise<Rung> {
  for (;;) {
    const { bell, generation } = await readBell(cloud, fleet);
    const now = cloud.time.now();
    const busy = backOff(bell.busy, why, now, cloud.random());
    const last = bell.at <= now ? bell.at : bell.last;
    const { made: _, ...rest } = bell;
    const written = await write(cloud, fleet, { ...rest, at: Math.max(bell.at, busy.until), last, busy }, generation);
    if (!written) continue;
    cloud.log("WARNING", `${why}; ${fleet} is looked at again at ${instant(busy.until)}`, {
      word: "busy",
      fleet,
      tries: busy.tries,
      until: instant(busy.until),
    });
    return written;
  }
}

/** Latest planned look of each fleet that a call of this process is watching. Its message is not acknowledged before the end. */
const watched = new Map<string, number>();

/** Whether the look that somebody else planned is made. One call a process waits to know; the others may rely on it. */
async function comesToPass(cloud: Cloud, fleet: string, planned: Bell): Promise<boolean> {
  const key = `${cloud.state.name}/${fleet}`;
  if ((watched.get(key) ?? 0) >= planned.at) return true;
  watched.set(key, planned.at);
  try {
    await cloud.time.sleep(Math.max(0, planned.at + GRACE_MS - cloud.time.now()));
    const { bell } = await readBell(cloud, fleet);
    return bell.made === true || bell.owner !== planned.owner || bell.at !== planned.at;
  } finally {
    if (watched.get(key) === planned.at) watched.delete(key);
  }
}
