import { end, withdraw } from "./ending.ts";
import { approveStep } from "./gates.ts";
import { isGoingBack, pause, takeGroupsOver } from "./pause.ts";
import { reason } from "./reasons.ts";
import { type Candidate, emptyRecord } from "./record.ts";
import { refuse } from "./refuse.ts";
import { short } from "./release.ts";
import { rollBack } from "./rollback.ts";
import { isUntouched } from "./supersede.ts";
import { remember, type Turn } from "./turn.ts";

/** What the fleet is at, for the sentence that refuses. */
export function phaseText({ record }: Turn): string {
  const { active } = record;
  return active ? `${active.id} is ${active.phase} since ${active.since}` : "no rollout is under way";
}

/** Only what is under way; the fleet is not held. */
export function pauseFor(turn: Turn, by: string, why: string): void {
  const { active } = turn.record;
  if (!active || isGoingBack(active)) {
    refuse(turn, `there is nothing to pause: ${phaseText(turn)}`);
    return;
  }
  pause(turn, active, reason("paused", `${by} paused it: ${why}`), "person");
}

/** Put back, and this combination of inputs is not tried again until a person lifts it; the fleet goes on following. */
export function abortFor(turn: Turn, by: string, why: string): void {
  const { active } = turn.record;
  if (!active || active.kind === "rollback") {
    refuse(
      turn,
      `there is nothing to abort: ${phaseText(turn)}; "moult rollback ${turn.record.fleet}" goes to the release before`,
    );
    return;
  }
  if (isGoingBack(active)) {
    refuse(turn, `${active.id} is being put back already, since ${active.since}`);
    return;
  }
  takeGroupsOver(turn, active);
  rollBack(turn, active, reason("aborted", `${by} aborted it: ${why}`));
}

/** Lets the step pass that waits for a person, or the candidate begin that does. */
export function approveFor(turn: Turn, by: string, release: string | undefined): void {
  const { record } = turn;
  const { active } = record;
  if (active) {
    if (release !== undefined && !active.to.digest.startsWith(release)) {
      refuse(turn, `${active.id} rolls out release ${short(active.to.digest)}, not ${release}: nothing was approved`);
      return;
    }
    if (approveStep(turn, active, by))
      remember(turn, "approved", reason("person", `${by} approved the step`), active.id);
    else refuse(turn, `nothing waits for an approval: ${phaseText(turn)}`);
    return;
  }
  const candidate = waiting(turn, release);
  if (!candidate) return;
  approve(turn, candidate, by, false);
}

/** Begin now, whatever the mode of the fleet file; urgent: neither a window nor the rollout under way holds it up. */
export function beginFor(turn: Turn, by: string, urgent: boolean, release: string | undefined): void {
  const { record } = turn;
  const { active } = record;
  if (active && urgent && active.phase === "parked" && !record.pending) {
    active.urgent = true;
    remember(turn, "urgent", reason("person", `${by} lets ${active.id} go on outside its windows`), active.id);
    return;
  }
  if (active && !(urgent && record.pending)) {
    const then = record.pending
      ? `${record.pending.release.image.name} begins when it has ended, --urgent puts it back first`
      : "one at a time";
    refuse(turn, `${phaseText(turn)}: ${then}`);
    return;
  }
  const candidate = waiting(turn, release);
  if (candidate) approve(turn, candidate, by, urgent);
}

function approve(turn: Turn, { release }: Candidate, by: string, urgent: boolean): void {
  turn.record.approved = { release: release.digest, by, at: turn.context.now, urgent };
  const text = `${by} lets ${release.image.name}, release ${short(release.digest)}, begin${urgent ? " at once" : ""}`;
  remember(turn, "approved", reason("person", text));
}

/** What could begin, if it is what the person has seen. */
function waiting(turn: Turn, release: string | undefined): Candidate | undefined {
  const { record } = turn;
  const candidate = record.pending ?? record.candidate;
  if (!candidate || candidate.release.digest === record.stable?.release.digest) {
    refuse(turn, "nothing waits to begin: the inputs ask for the stable release");
    return undefined;
  }
  if (release !== undefined && !candidate.release.digest.startsWith(release)) {
    const text = `release ${release} is not what the inputs ask for now, which is ${short(candidate.release.digest)} (${candidate.release.image.name}): look at it, and say that one`;
    refuse(turn, text);
    return undefined;
  }
  return candidate;
}

/**
 * Leaves the fleet (DESIGN §7.8): the groups keep what they run, and nothing of moult's is needed for it. What is under way
 * must be ended first, because half of it would stay.
 */
export function releaseFleet(turn: Turn, by: string): void {
  const { record } = turn;
  const { active } = record;
  if (active && !isUntouched(active)) {
    refuse(turn, `${phaseText(turn)}: let it end, or abort it, and then give the groups back`);
    return;
  }
  const why = reason(
    "person",
    `${by} gave the groups back: they keep what they run, and moult does nothing to them any more`,
  );
  if (active) end(turn, active, "cancelled", why);
  const { fleet, rollouts, entries, unwritten, applied } = record;
  const published = record.published.map(({ image }) => image.id).filter((id) => withdraw(record, id)).length > 0;
  if (published) turn.effects.push({ kind: "publish", images: record.published });
  Object.assign(record, emptyRecord(fleet), { rollouts, entries, unwritten, applied, last: record.last });
  remember(turn, "released", why);
}
