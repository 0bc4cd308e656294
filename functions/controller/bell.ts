import { randomUUID } from "node:crypto";
import { instant } from "../core/instants.ts";
import { isFailure } from "../google/failure.ts";
import { type Busy, backOff } from "./busy.ts";
import type { Cloud } from "./cloud.ts";
import { type Motive, type Pace, soonest, spent } from "./pace.ts";
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
  /** When the looks before it are forgotten: see `Pace`. */
  full?: number;
  /** The planned look's, unless it is an event's. */
  motive?: Motive;
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
/** Who polls looks again within this without writing it down: one object must not be written more than once a second. */
const QUIET_MS = 1_500;
/** Who polls rests so many times as long as the look took. */
const RESTS = 3;
/** A look that is planned so little later than it could be is as good. */
const NEAR_MS = 50;

/**
 * Looks at a fleet soon: at once, or as soon as its pace allows. Rung any number of times at once, one
 * caller looks and the others return, knowing that a look will begin after their event; one of them a process stays to see
 * that it does. Whoever looks waits for what the look found due soon (the end of a bake, a machine booting) unless somebody
 * else takes over. While Google is busy or away the looks keep their distance. docs/decisions/0002-bell.md.
 */
export async function ring(cloud: Cloud, fleet: string, wish: Wish = "all"): Promise<void> {
  const owner = randomUUID();
  const { now } = cloud.time;
  const until = now() + STAY_MS;
  let rung = await plan(cloud, fleet, owner, now(), wish);
  let { at } = rung.bell;
  let quiet = false;
  for (;;) {
    // Further away than a call may wait: the tick rings when it is due.
    const wait = at - now();
    if (wait > WAIT_MS) return;
    if (rung.bell.owner !== owner) {
      if (await comesToPass(cloud, fleet, rung.bell)) return;
      rung = await plan(cloud, fleet, owner, now(), wish);
      at = rung.bell.at;
      continue;
    }
    if (wait > 0) {
      await cloud.time.sleep(wait);
      rung = await readBell(cloud, fleet);
      // Taken over, or put off. Whoever polls does not wait for a look that was planned later than the poll is due.
      if (rung.bell.owner !== owner) {
        if (!quiet || rung.bell.at <= now()) return;
        rung = await plan(cloud, fleet, owner, now(), "all", "poll");
      }
      at = Math.max(at, rung.bell.at);
      if (rung.bell.owner !== owner) continue;
      if (at > now()) continue;
    }
    const began = now();
    const looked = await look(cloud, fleet, rung.bell);
    const tookMs = now() - began;
    if (looked.busy !== undefined) {
      rung = await putOff(cloud, fleet, looked.busy);
      at = rung.bell.at;
      if (at > until) return;
      continue;
    }
    const motive = looked.known === true ? "instant" : "poll";
    const found = looked.next === null ? Number.POSITIVE_INFINITY : Date.parse(looked.next);
    // A look at a large group takes a while; polling must not be all there is.
    const due = motive === "poll" ? Math.max(found, now() + RESTS * tookMs) : found;
    if (due - now() > WAIT_MS || due > until) {
      if (due - now() <= WAIT_MS) await cloud.topics.ring(cloud.settings.ticksTopic, { fleet });
      await markMade(cloud, fleet, owner, rung, looked.rest);
      return;
    }
    quiet = motive === "poll" && rung.bell.busy === undefined && due < rung.bell.at + QUIET_MS;
    if (quiet) at = Math.max(due, soonest(paceOf(rung.bell, now()), motive));
    else {
      rung = await plan(cloud, fleet, owner, due, "all", motive);
      at = rung.bell.at;
    }
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

function motiveOf(wish: Wish): Motive {
  if (wish === "all") return "event";
  if (wish.includes("commands")) return "person";
  return wish.every((part) => part === "groups") ? "machines" : "event";
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

/** Of the looks that began: the planned one is among them when its time has come. */
function paceOf({ at, last, full = 0, motive = "event" }: Bell, now: number): Pace {
  return at > now || at === 0 ? { last, full } : spent({ last, full }, at, motive);
}

/**
 * Takes the next look, unless one is planned that will see what we have seen; returns whichever it is. What an event brings
 * waits for the fleet's pace, and as long as Google is busy; `found` is why a look plans the one that follows it, and Google
 * is not busy then. A person's word is tried at once, busy or not.
 */
async function plan(
  cloud: Cloud,
  fleet: string,
  owner: string,
  wanted: number,
  wish: Wish,
  found?: Motive,
): Promise<Rung> {
  for (;;) {
    const rung = await readBell(cloud, fleet);
    const { bell, generation } = rung;
    const now = cloud.time.now();
    const own = bell.owner === owner;
    const busy = found ? undefined : bell.busy;
    const kept = busy !== undefined && busy.until > now && motiveOf(wish) !== "person";
    const ahead = bell.at > now;
    const pace = paceOf(bell, now);
    const motive = found ?? motiveOf(wish);
    const soon = Math.max(wanted, soonest(pace, motive));
    // A look in the future sees everything that is true now; one that is due may have begun before our event.
    if (!own && ahead && (kept || bell.at <= soon + NEAR_MS)) {
      const planned = bell.wish ?? "all";
      // A poll that somebody relies on is made for them.
      const relied = bell.motive === "poll" && found === undefined ? motive : (bell.motive ?? "event");
      if (contains(planned, wish) && relied === (bell.motive ?? "event")) return rung;
      const { wish: _, ...same } = bell;
      const wider = both(planned, wish);
      const next: Bell = { ...same, motive: relied, ...(wider !== "all" && { wish: wider }) };
      const widened = await write(cloud, fleet, next, generation);
      if (widened) return widened;
      continue;
    }
    // What a look was planned for and not made is still to be seen.
    const open = own || bell.made || bell.at === 0 ? wish : both(bell.wish ?? "all", wish);
    const next: Bell = {
      at: kept ? Math.max(soon, busy.until) : soon,
      ...pace,
      ...(motive !== "event" && { motive }),
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
  const { at, last, full = 0, motive } = rung.bell;
  const looked: Bell = { at, last, full, ...(motive && { motive }), owner, made: true };
  if (await write(cloud, fleet, { ...looked, ...(rest && { rest }) }, rung.generation)) return;
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
    const { made: _, ...rest } = bell;
    const put = { ...rest, ...paceOf(bell, now), at: Math.max(bell.at, busy.until), busy };
    const written = await write(cloud, fleet, put, generation);
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
