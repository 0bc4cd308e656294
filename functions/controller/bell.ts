import { randomUUID } from "node:crypto";
import { ACTIVE_LOOK_MS } from "../core/decide.ts";
import { isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";
import { reconcile } from "./reconcile.ts";
import { paths } from "./records.ts";

/** The next look that is planned, and by whom. One small object a fleet, so that a storm of events makes few looks. */
interface Bell {
  /** When the look begins, ms since the epoch. */
  at: number;
  /** When the last look before it began; 0 when none is known. */
  last: number;
  owner: string;
  /** The look was made, and its owner plans no other. */
  made?: true;
}

/** A look due within this is waited for; a later one is left to the tick. Well under the function's time limit. */
const WAIT_MS = 20_000;
/** One call goes on looking for at most this long, then hands on by a message. */
const STAY_MS = 45_000;
/** A look that somebody else planned and that is not begun by then is taken over: its owner died. */
const GRACE_MS = 2_000;

/**
 * Looks at a fleet soon: at once, or as soon as the last look is three seconds old. Rung any number of times at once, one
 * caller looks and the others return, knowing that a look will begin after their event; one of them a process stays to see
 * that it does. Whoever looks waits for what the look found due soon (the end of a bake, a machine booting) unless somebody
 * else takes over. docs/decisions/0002-bell.md.
 */
export async function ring(cloud: Cloud, fleet: string): Promise<void> {
  const owner = randomUUID();
  const until = cloud.time.now() + STAY_MS;
  let planned = await plan(cloud, fleet, owner, cloud.time.now());
  for (;;) {
    if (planned.owner !== owner) {
      if (await comesToPass(cloud, fleet, planned)) return;
      planned = await plan(cloud, fleet, owner, cloud.time.now());
      continue;
    }
    await cloud.time.sleep(Math.max(0, planned.at - cloud.time.now()));
    if ((await readBell(cloud, fleet)).bell.owner !== owner) return;
    const next = await reconcile(cloud, fleet);
    const due = next === null ? Number.POSITIVE_INFINITY : Date.parse(next);
    if (due - cloud.time.now() > WAIT_MS) {
      await markMade(cloud, fleet, owner);
      return;
    }
    if (due > until) {
      await cloud.topics.ring(cloud.settings.ticksTopic, { fleet });
      await markMade(cloud, fleet, owner);
      return;
    }
    planned = await plan(cloud, fleet, owner, due);
  }
}

async function readBell(cloud: Cloud, fleet: string): Promise<{ bell: Bell; generation: string }> {
  const stored = await cloud.state.read(paths.bell(fleet));
  const bell = stored ? (JSON.parse(stored.text) as Bell) : { at: 0, last: 0, owner: "", made: true as const };
  return { bell, generation: stored?.generation ?? "0" };
}

/**
 * Takes the next look, unless one is planned that will see what we have seen; returns whichever it is. What an event brings
 * waits until the last look is three seconds old; what a look itself found due does not.
 */
async function plan(cloud: Cloud, fleet: string, owner: string, wanted: number): Promise<Bell> {
  for (;;) {
    const { bell, generation } = await readBell(cloud, fleet);
    const now = cloud.time.now();
    const own = bell.owner === owner;
    // A look in the future sees everything that is true now; one that is due may have begun before our event.
    if (!own && bell.at > now && bell.at <= Math.max(wanted, now + ACTIVE_LOOK_MS)) return bell;
    const last = bell.at <= now ? bell.at : bell.last;
    const next: Bell = { at: own ? wanted : Math.max(wanted, last + ACTIVE_LOOK_MS), last, owner };
    try {
      await cloud.state.write(paths.bell(fleet), JSON.stringify(next), generation);
      return next;
    } catch (problem) {
      if (!isFailure(problem, "conflict")) throw problem;
    }
  }
}

/** A look that was planned by somebody who lives is followed by another plan, or by this. Losing the match means the same. */
async function markMade(cloud: Cloud, fleet: string, owner: string): Promise<void> {
  const { bell, generation } = await readBell(cloud, fleet);
  if (bell.owner !== owner) return;
  try {
    await cloud.state.write(paths.bell(fleet), JSON.stringify({ ...bell, made: true } satisfies Bell), generation);
  } catch (problem) {
    if (!isFailure(problem, "conflict")) throw problem;
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
