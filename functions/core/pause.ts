import { newMachines, serves, waveGroups } from "./assess.ts";
import { ownMode } from "./autoscaling.ts";
import { takeAsPassed } from "./gates.ts";
import { later } from "./instants.ts";
import { type GroupView, isProblem } from "./observation.ts";
import { ask, changedFromOutside, takeOver } from "./patch.ts";
import type { Policy } from "./policy.ts";
import { type Reason, reason } from "./reasons.ts";
import { putBack, rollBack } from "./rollback.ts";
import type { Rollout, RolloutGroup } from "./rolloutrecord.ts";
import { enter, remember, say, type Turn } from "./turn.ts";
import { pausedAs } from "./wanted.ts";

/** Phases of a rollout that is being put back: it is not paused, and nothing leads out of them but their end. */
export function isGoingBack({ phase }: Rollout): boolean {
  return phase === "rolling-back" || phase === "rollback-stuck" || phase === "restoring";
}

/** Stops where it is. What is there stays; nothing is begun until a person says so. `stayPaused` does it. */
export function pause(turn: Turn, rollout: Rollout, why: Reason, who: "person" | "moult"): void {
  if (isGoingBack(rollout)) return;
  // What a person let begin at once, and has not begun, waits for their next word.
  if (who === "person" && turn.record.approved?.urgent) turn.record.approved = null;
  if (rollout.phase === "paused") {
    // What moult paused and a person stops besides waits for the person from now on.
    if (who === "person") rollout.pausedUntil = null;
    return;
  }
  const { pausedMs } = rollout.policy.limits;
  rollout.verdict = why;
  rollout.pausedFrom = rollout.phase;
  rollout.pausedUntil = who === "moult" && pausedMs !== null ? later(turn.context.now, pausedMs) : null;
  enter(turn, rollout, "paused", rollout.policy.limits.progressMs);
  remember(turn, "paused", why, rollout.id);
}

/** One look at a pause, which the autoscaler cannot undo. A group that somebody else changed is left alone. */
export function stayPaused(turn: Turn, rollout: Rollout, policy: Policy): void {
  const { fleet } = turn.record;
  const why = rollout.verdict ?? reason("paused", "a person stopped the fleet");
  const until = rollout.pausedUntil;
  if (until && turn.context.now >= until) {
    const text = `${rollout.id} was paused since ${rollout.since} and nobody went on with it before ${until}: ${why.text}`;
    rollBack(turn, rollout, reason("paused-too-long", text));
    if (!turn.record.active) return;
    if (isGoingBack(rollout)) putBack(turn, rollout, policy);
    // Or it would not boot, and has become a person's.
    else stayPaused(turn, rollout, policy);
    return;
  }
  say(turn, why.word, why.text);
  say(
    turn,
    "paused",
    `${rollout.id} is paused since ${rollout.since}; "moult start ${fleet}" goes on, "moult rollback ${fleet}" puts it back${until ? `, and it is put back by itself at ${until}` : ""}`,
    until ? { until } : {},
  );
  for (const { key, group } of waveGroups(rollout, policy)) {
    const view = turn.observation.groups[key];
    if (!group.intent || !view || isProblem(view)) continue;
    if (changedFromOutside(group, view)) {
      if (why.word !== "external-change") turn.reasons.push(outside(fleet, key));
      continue;
    }
    ownMode(turn, rollout, key, group, view);
    ask(turn, rollout, key, group, view, "pause", pausedAs(group, policy, view.targetSize, keptNew(group, view)));
  }
}

/**
 * New machines that a pause asks for: those that serve. The others stay too, because nothing is replaced; but where the
 * group shrinks, one that is not well must not be left in the place of an old one that is.
 */
function keptNew(group: RolloutGroup, view: GroupView): number {
  return newMachines(group, view).filter((machine) => serves(machine, view.checked)).length;
}

export function outside(fleet: string, key: string): Reason {
  return reason(
    "external-change",
    `somebody else changed the versions or the update policy of group ${key}; "moult start ${fleet}" takes it over again, "moult rollback ${fleet}" puts it back`,
    { evidence: [key] },
  );
}

/** A person accepts what is there now, whoever made it so. */
export function takeGroupsOver(turn: Turn, rollout: Rollout): void {
  for (const [key, group] of Object.entries(rollout.groups)) {
    const view = turn.observation.groups[key];
    if (view && !isProblem(view)) takeOver(group, view, turn.context.now);
    else group.accepted = true;
  }
}

/** What a person accepted when it could not be read. */
export function takeAccepted(turn: Turn, rollout: Rollout): void {
  for (const [key, group] of Object.entries(rollout.groups)) {
    const view = turn.observation.groups[key];
    if (!group.accepted || !view || isProblem(view)) continue;
    takeOver(group, view, turn.context.now);
    delete group.accepted;
  }
}

/** A person lets a paused rollout go on; what is asked for is worked out anew. */
export function resume(turn: Turn, rollout: Rollout, by: string): void {
  takeGroupsOver(turn, rollout);
  if (rollout.phase !== "paused") return;
  const { pausedFrom } = rollout;
  const to = pausedFrom === "prepared" || pausedFrom === "parked" ? pausedFrom : "applying";
  takeAsPassed(turn, rollout, by);
  rollout.pausedFrom = null;
  rollout.pausedUntil = null;
  rollout.verdict = null;
  enter(turn, rollout, to, rollout.policy.limits.progressMs);
  rollout.stepSince = turn.context.now;
}
