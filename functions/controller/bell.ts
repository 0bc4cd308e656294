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
}

/** A look due within this is waited for; a later one is left to the tick. Well under the function's time limit. */
const WAIT_MS = 20_000;
/** One call goes on looking for at most this long, then hands on by a message. */
const STAY_MS = 45_000;

/**
 * Looks at a fleet soon: at once, or as soon as the last look is three seconds old. Rung any number of times at once, one
 * caller looks and the others return, knowing that a look will begin after their event. Then waits for what the look
 * found due soon (the end of a bake, a machine booting) unless somebody else takes over.
 */
export async function ring(cloud: Cloud, fleet: string): Promise<void> {
  const owner = randomUUID();
  const until = cloud.time.now() + STAY_MS;
  let planned = await plan(cloud, fleet, owner, cloud.time.now());
  while (planned !== undefined) {
    await cloud.time.sleep(Math.max(0, planned - cloud.time.now()));
    if (!(await mine(cloud, fleet, owner))) return;
    const next = await reconcile(cloud, fleet);
    if (next === null) return;
    const due = Date.parse(next);
    if (due - cloud.time.now() > WAIT_MS) return;
    if (due > until) {
      await cloud.topics.ring(cloud.settings.ticksTopic, { fleet });
      return;
    }
    planned = await plan(cloud, fleet, owner, due);
  }
}

/**
 * Takes the next look, unless one is planned that will see what we have seen. Returns when it is due, undefined if it is
 * somebody else's. What an event brings waits until the last look is three seconds old; what a look itself found due does not.
 */
async function plan(cloud: Cloud, fleet: string, owner: string, wanted: number): Promise<number | undefined> {
  for (;;) {
    const stored = await cloud.state.read(paths.bell(fleet));
    const bell: Bell = stored ? (JSON.parse(stored.text) as Bell) : { at: 0, last: 0, owner: "" };
    const now = cloud.time.now();
    const own = bell.owner === owner;
    // A look in the future sees everything that is true now; one that is due may have begun before our event.
    if (!own && bell.at > now && bell.at <= Math.max(wanted, now + ACTIVE_LOOK_MS)) return undefined;
    const last = bell.at <= now ? bell.at : bell.last;
    const at = own ? wanted : Math.max(wanted, last + ACTIVE_LOOK_MS);
    try {
      await cloud.state.write(
        paths.bell(fleet),
        JSON.stringify({ at, last, owner } satisfies Bell),
        stored?.generation ?? "0",
      );
      return at;
    } catch (problem) {
      if (!isFailure(problem, "conflict")) throw problem;
    }
  }
}

async function mine(cloud: Cloud, fleet: string, owner: string): Promise<boolean> {
  const stored = await cloud.state.read(paths.bell(fleet));
  return stored !== undefined && (JSON.parse(stored.text) as Bell).owner === owner;
}
