import { type Assessment, assess, isConverged, isNearly, type Judged, type Viewed } from "./assess.ts";
import { batchDone } from "./budget.ts";
import { passGates } from "./gates.ts";
import { formatDuration, later } from "./instants.ts";
import { isGoingBack, pause, stayPaused } from "./pause.ts";
import { type Policy, type Step, stepName } from "./policy.ts";
import { counted, type Reason, reason } from "./reasons.ts";
import { putBack, rollBack } from "./rollback.ts";
import type { Rollout } from "./rolloutrecord.ts";
import { enter, remember, say, type Turn } from "./turn.ts";
import { ofShare } from "./wanted.ts";

/** A release whose machines stop being healthy this often in one step does not get better by waiting. */
const FLAPS = 3;
/** No room for machines above lasts at least so long before fewer are kept instead. */
const SCARCE_MS = 60_000;

export type Verdict = "wait" | "ended" | "step passed" | "wave passed";

/** Pauses, and already in this look. */
export function stop(turn: Turn, rollout: Rollout, policy: Policy, why: Reason): void {
  pause(turn, rollout, why, "moult");
  stayPaused(turn, rollout, policy);
}

/** Begins to put the groups back, and already in this look: every machine that is made meanwhile is one too many. */
export function giveUp(turn: Turn, rollout: Rollout, policy: Policy, why: Reason): void {
  rollBack(turn, rollout, why);
  if (!turn.record.active) return;
  if (isGoingBack(rollout)) putBack(turn, rollout, policy);
  else stayPaused(turn, rollout, policy);
}

/** Too many failed, or machines cannot be made at all: put back. Returns whether it was. */
export function judgeFailures(turn: Turn, rollout: Rollout, policy: Policy, found: Assessment): boolean {
  const failures = Object.values(rollout.failed);
  const limit = failureLimit(policy, found.wanted);
  if (failures.length >= limit) {
    const word = failures.some((text) => text.includes("made again")) ? "machine-recreated" : "report-failed";
    const text = `${counted(failures.length, "machine")} failed, the limit is ${limit}: ${failures.join("; ")}`;
    giveUp(turn, rollout, policy, reason(word, text, { evidence: Object.keys(rollout.failed) }));
    return true;
  }
  if (found.refused.length > 0) {
    const text = `machines of ${rollout.to.image.name} cannot be made: ${found.refused[0]}. Grant or repair what it names, then "moult start ${turn.record.fleet}"`;
    giveUp(turn, rollout, policy, reason("permission-late", text, { evidence: found.refused }));
    return true;
  }
  return false;
}

/** A share is of the new machines wanted, rounded up, so that a small group is not put back for nothing. */
export function failureLimit(policy: Policy, wanted: number): number {
  const { failedMachines } = policy.limits;
  return typeof failedMachines === "number" ? failedMachines : Math.max(1, ofShare(failedMachines.share, wanted));
}

/**
 * What was found of the step's machines decides: put back, wait, or pass. `whole` is how many new machines the step wants in
 * all; `counts` how many of them a shared budget has let it ask for.
 */
export function judge(
  turn: Turn,
  rollout: Rollout,
  policy: Policy,
  step: Step,
  groups: Viewed[],
  counts: Judged,
  whole: number,
): Verdict {
  const found = assess(rollout, policy, turn.observation, groups, counts);
  if (judgeFailures(turn, rollout, policy, found)) return "ended";
  if (loseBake(turn, rollout, policy, found)) return "ended";
  if (!isConverged(found)) {
    converge(turn, rollout, policy, step, found);
    return "wait";
  }
  if (batchDone(turn, rollout, policy, whole)) {
    say(turn, "budget", `${found.fine.length} of ${counted(whole, "new machine")} ready; the next ones are asked for`);
    return "wait";
  }
  if (rollout.phase === "converging") {
    delete rollout.unexplained;
    enter(turn, rollout, gatePassed(rollout, step) ? "final-bake" : "baking", policy.limits.progressMs);
  }
  const last = gatePassed(rollout, step);
  if (rollout.phase !== "gating") {
    if (bakes(turn, rollout, policy, step, found, last)) return "wait";
    enter(turn, rollout, "gating", policy.limits.progressMs);
  }
  const passed = passGates(turn, rollout, policy, step, last);
  if (passed !== "passed") return passed;
  return last ? "wave passed" : "step passed";
}

function bakes(turn: Turn, rollout: Rollout, policy: Policy, step: Step, found: Assessment, last: boolean): boolean {
  const bakeMs = last ? finalBakeMs(rollout, policy) : step.bakeMs;
  const until = later(rollout.since, bakeMs);
  if (turn.context.now >= until) return false;
  const name = last ? "the final bake" : `the bake of ${stepName(step)}`;
  const blind = !rollout.reports && !found.checked;
  const sees = blind ? "running, and NOTHING says whether they are healthy (no reports, no health check)" : "healthy";
  say(turn, "baking", `${counted(found.fine.length, "new machine")} ${sees}; ${name} ends at ${until}`, { until });
  return true;
}

/** A wave's last step has passed its gate: what is left of the wave is its final bake, however often that starts again. */
function gatePassed(rollout: Rollout, step: Step): boolean {
  return rollout.passed.some((passed) => passed.wave === rollout.wave && passed.step === stepName(step));
}

function finalBakeMs(rollout: Rollout, policy: Policy): number {
  return rollout.kind === "rollback" ? 0 : policy.finalBakeMs;
}

/** Not there yet: says why, and gives up at the deadline. */
function converge(turn: Turn, rollout: Rollout, policy: Policy, step: Step, found: Assessment): void {
  const { now } = turn.context;
  if (found.empty.length > 0 && found.wanted === 0) {
    rollout.deadline = later(now, policy.limits.progressMs);
    const text = `group ${found.empty.join(", ")} has no machines, so nothing can be proved there; ${stepName(step)} goes on when it grows, "moult rollback ${turn.record.fleet}" ends it`;
    say(turn, "group-empty", text);
    return;
  }
  const { fine, creating, booting, unhealthy } = found;
  // One that was begun late, behind others that the group had to make first, has its whole time.
  const steps = 2 * fine.length + creating.length + booting.length + unhealthy.length;
  if (steps > rollout.best) {
    rollout.best = steps;
    rollout.deadline = later(now, policy.limits.progressMs);
  }
  if (rollout.deadline !== null && isNearly(found, rollout.reports))
    turn.nearly = later(rollout.deadline, -policy.limits.progressMs);
  makeDo(turn, rollout, policy, found);
  sayProgress(turn, rollout, step, found);
  if (rollout.deadline === null || now < rollout.deadline) return;
  const waiting = [...found.creating, ...found.booting, ...found.unhealthy].map(({ name }) => name);
  const quiet = policy.limits.progressMs;
  const since = `no further machine was begun or became ready since ${later(rollout.deadline, -quiet)}, longer than limits.progress (${formatDuration(quiet)})`;
  if (found.capacity.length > 0) {
    stop(turn, rollout, policy, reason("capacity", `${since}, for lack of capacity: ${found.capacity[0]}`));
  } else if (rollout.reports && found.booting.length > 0 && found.unhealthy.length === 0 && found.reported === 0) {
    const text = `${since}, and not one report arrived: the machines may be well and the way of the reports broken. Look at the reports bucket and the agents' rights`;
    stop(turn, rollout, policy, reason("reports-missing", text));
  } else if (waiting.length === 0) {
    // Nothing of the release is there to be blamed: Compute's updater has not got so far.
    const text = `${since}, and the group has begun none of those that are missing: its updater waits, perhaps because more machines than replace.missing allows are being made again. Look at the group's machines, or let more of them be missing`;
    stop(turn, rollout, policy, reason("no-progress", text));
  } else {
    const text = `${since}; waited for ${waiting.join(", ")}`;
    giveUp(turn, rollout, policy, reason("no-progress", text, { evidence: waiting }));
  }
}

/**
 * Health was lost while baking: from the beginning. A machine that was made again has not been healthy throughout either, not
 * even one that is ready again. Who took it shows when it is back; until then the loss is nobody's fault.
 *
 * @returns whether it was lost once too often.
 */
function loseBake(turn: Turn, rollout: Rollout, policy: Policy, found: Assessment): boolean {
  const { remade = [], healed = [] } = turn;
  if (rollout.phase !== "baking" && rollout.phase !== "final-bake" && rollout.phase !== "gating") {
    if (!rollout.unexplained || healed.length === 0) return false;
    delete rollout.unexplained;
    return isFlapping(turn, rollout, policy, healed);
  }
  if (isConverged(found) && remade.length === 0) return false;
  const unhealthy = found.unhealthy.map(({ name }) => name);
  const what =
    unhealthy.length > 0
      ? `${unhealthy.join(", ")} stopped being healthy`
      : remade.length > 0
        ? `${remade.join(", ")} ${remade.length === 1 ? "was" : "were"} made again`
        : `only ${found.fine.length} of ${counted(found.wanted, "new machine")} ready, some are made again or were added`;
  const why = remade.length > 0 && unhealthy.length === 0 ? "machine-recreated" : "unhealthy";
  remember(turn, "bake-lost", reason(why, `${what}: the bake starts again`), rollout.id);
  rollout.gates = {};
  enter(turn, rollout, "converging", policy.limits.progressMs);
  const lost = [...new Set([...unhealthy, ...healed])];
  if (lost.length > 0) return isFlapping(turn, rollout, policy, lost);
  // Those that Compute took away are explained.
  if (remade.length === 0) rollout.unexplained = true;
  return false;
}

function isFlapping(turn: Turn, rollout: Rollout, policy: Policy, lost: string[]): boolean {
  rollout.bakesLost += 1;
  if (rollout.bakesLost < FLAPS) return false;
  const text = `machines that were ready stopped being healthy or were made again ${FLAPS} times in one step, last ${lost.join(", ")}`;
  giveUp(turn, rollout, policy, reason("flapping", text, { evidence: lost }));
  return true;
}

/** No room above: where the fleet file allows it, fewer machines for a while instead of waiting for room. */
function makeDo(turn: Turn, rollout: Rollout, policy: Policy, found: Assessment): void {
  const { scarce } = policy.replace;
  if (scarce === null || found.capacity.length === 0) return;
  if (turn.context.now < later(rollout.stepSince, SCARCE_MS)) return;
  for (const key of found.scarce) {
    const group = rollout.groups[key];
    if (!group || group.scarce) continue;
    group.scarce = true;
    const text = `no room for machines above the size of ${key} (${found.capacity[0]}): up to ${scarce} are missing instead, as replace.scarce allows`;
    remember(turn, "scarce", say(turn, "scarce", text), rollout.id);
  }
}

function sayProgress(turn: Turn, rollout: Rollout, step: Step, found: Assessment): void {
  const until = rollout.deadline ?? undefined;
  const more = (names: { name: string }[]) => ({ evidence: names.map(({ name }) => name), ...(until && { until }) });
  const progress = `${found.fine.length} of ${counted(found.wanted, "new machine")} ready (${stepName(step)})`;
  if (found.capacity.length > 0)
    say(turn, "capacity", `${progress}; no capacity: ${found.capacity[0]}`, more(found.creating));
  else if (found.unhealthy.length > 0)
    say(turn, "unhealthy", `${progress}; ${found.unhealthy.length} not healthy`, more(found.unhealthy));
  else if (found.booting.length > 0)
    say(
      turn,
      "booting",
      `${progress}; ${found.booting.length} booting, not reported or not healthy yet`,
      more(found.booting),
    );
  else {
    const missing = Math.max(found.creating.length, found.wanted - found.fine.length);
    const left = [
      ...(missing > 0 ? [`${missing} to be made`] : []),
      ...(found.old.length > 0 ? [`${found.old.length} old to be taken away`] : []),
      ...(found.fine.length > found.wanted ? ["the group takes surplus ones away"] : []),
    ];
    say(turn, "creating", [progress, ...left].join("; "), more(found.creating.length > 0 ? found.creating : found.old));
  }
}
