import { advance } from "./advance.ts";
import { applyCommands } from "./commands.ts";
import { consider } from "./consider.ts";
import type { Context } from "./context.ts";
import { draftOf } from "./draft.ts";
import type { Effect } from "./effects.ts";
import { earliest, type Instant, later, msOf } from "./instants.ts";
import type { Observation } from "./observation.ts";
import { mayArrive } from "./patch.ts";
import type { Policy } from "./policy.ts";
import { reason } from "./reasons.ts";
import type { FleetRecord } from "./record.ts";
import { supersede } from "./supersede.ts";
import { remember, say, type Turn } from "./turn.ts";
import { noteUnusable, sayUnusable } from "./unusable.ts";

/** While a rollout is under way: what has no event is asked for. */
export const ACTIVE_LOOK_MS = 4_000;
/** Where all that is missing of a step has no event, at most a tenth of the time it takes passes unseen. */
const CLOSEST_LOOK_MS = 300;
const UNSEEN = 10;
/** An instant that is due or past must not make a look follow on itself. */
const SOONEST_LOOK_MS = 500;
/** A paused fleet changes by a person's word, which rings. */
const PAUSED_LOOK_MS = 60_000;
const REFUSED_LOOK_MS = 30_000;
/** Repairs lost events (DESIGN §7.1). */
const SWEEP_MS = 600_000;

export interface Decision {
  record: FleetRecord;
  effects: Effect[];
  /** Where the rollout went, in order; see MOVES. */
  moves: Turn["moves"];
}

/**
 * What to do about a fleet, given its record and what was seen. Pure and total: values in, values out; the same input gives
 * the same decision. Commands come first. The record must be saved, with a generation match, before the effects are done.
 */
export function decide(record: FleetRecord, observation: Observation, context: Context): Decision {
  const draft = draftOf(record);
  // The look that led here has written them: see `HistoryEntry`.
  draft.unwritten = [];
  const turn: Turn = { record: draft, observation, context, effects: [], reasons: [], moves: [] };
  if (observation.refusal) say(turn, "access-denied", observation.refusal);
  if (observation.unread !== undefined) {
    const text = `the cloud cannot be read now, so no group is looked at and none is changed yet: ${observation.unread}. It is tried again`;
    say(turn, "out-of-reach", text);
  }
  liftExpired(turn);
  noteUnusable(turn);
  applyCommands(turn);
  if (draft.policy) step(turn, draft.policy, record.active !== null);
  else say(turn, "no-policy", `no fleet file was applied; "moult fleet apply FILE" does`);
  if (observation.inputsUnread !== undefined && !draft.active) {
    const text = `what the inputs ask for cannot be read now, so nothing new begins: ${observation.inputsUnread}. It is tried again`;
    say(turn, "out-of-reach", text);
  }
  sayUnusable(turn);
  draft.reasons = turn.reasons;
  draft.lastLook = context.now;
  draft.nextLook = nextLook(turn);
  return { record: draft, effects: turn.effects, moves: turn.moves };
}

function liftExpired(turn: Turn): void {
  const { hold } = turn.record;
  if (!hold?.until || turn.context.now < hold.until) return;
  turn.record.hold = null;
  remember(turn, "unheld", reason("person", `the hold of ${hold.by} ended at ${hold.until}: ${hold.reason}`));
}

function step(turn: Turn, policy: Policy, wasActive: boolean): void {
  const { record } = turn;
  // A command has just ended the rollout. What was seen was seen for its fleet file: look again.
  if (wasActive && !record.active) return;
  supersede(turn);
  if (record.active) advance(turn, record.active, record.active.policy);
  else consider(turn, policy);
}

function nextLook({ record, observation, reasons, context, nearly }: Turn): Instant | null {
  if (!record.policy) return null;
  // What was seen of an ended rollout says nothing about what the inputs ask for now.
  if (!record.active) {
    if (record.last?.endedAt === context.now) return later(context.now, SOONEST_LOOK_MS);
    const known = reasons.flatMap(({ until }) => (until !== undefined && until > context.now ? [until] : []));
    return earliest(...known, later(context.now, SWEEP_MS)) ?? null;
  }
  // A change that was given up by the pause may come a little later, and must not stay.
  const restless = Object.values(record.active.groups).some(({ intent }) => intent && mayArrive(intent, context.now));
  if (record.active.phase === "paused") return later(context.now, restless ? ACTIVE_LOOK_MS : PAUSED_LOOK_MS);
  // What was refused waits for a person's hand.
  if (observation.refusal) return later(context.now, REFUSED_LOOK_MS);
  if (record.active.phase === "prepared") return later(context.now, ACTIVE_LOOK_MS);
  const poll = nearly === undefined ? ACTIVE_LOOK_MS : closeLookMs(msOf(context.now) - msOf(nearly));
  const known = earliest(...reasons.map(({ until }) => until)) ?? later(context.now, ACTIVE_LOOK_MS);
  const soon = later(context.now, SOONEST_LOOK_MS);
  if (known <= soon) return soon;
  const left = msOf(known) - msOf(context.now);
  const bakes = record.active.phase === "baking" || record.active.phase === "final-bake";
  return earliest(known, later(context.now, bakes ? bakeLookMs(left) : poll)) ?? null;
}

function closeLookMs(sinceMs: number): number {
  return Math.round(Math.min(ACTIVE_LOOK_MS, Math.max(CLOSEST_LOOK_MS, sinceMs / UNSEEN)));
}

/** A long bake is watched less closely than a short one: at most a twentieth of what is left passes unseen. */
function bakeLookMs(leftMs: number): number {
  return Math.min(60_000, Math.max(ACTIVE_LOOK_MS, leftMs / 20));
}
