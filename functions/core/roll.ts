import { assess, type Judged, stepsOf, type Viewed, waveGroups } from "./assess.ts";
import { ownMode, rollingMode } from "./autoscaling.ts";
import { grant, noRoom } from "./budget.ts";
import { end, settle } from "./ending.ts";
import { judge, judgeFailures, stop } from "./judge.ts";
import { isProblem } from "./observation.ts";
import { ask, changedFromOutside } from "./patch.ts";
import { outside } from "./pause.ts";
import { describeStep, type Policy, type Step, stepName } from "./policy.ts";
import { counted, type Reason, reason } from "./reasons.ts";
import { short } from "./release.ts";
import type { Rollout } from "./rolloutrecord.ts";
import { enter, remember, say, type Turn } from "./turn.ts";
import { askedFor, isAll, mixedVersions, ownPolicy, rollingPolicy, wantedCount } from "./wanted.ts";
import { isOpen, nextOpening } from "./windows.ts";

/** Begins the current step, or says why not now. */
export function beginStep(turn: Turn, rollout: Rollout, policy: Policy): void {
  const wait = whyParked(turn, rollout, policy);
  if (wait) {
    turn.reasons.push(wait);
    if (rollout.phase === "parked") return;
    enter(turn, rollout, "parked", policy.limits.progressMs);
    remember(turn, "parked", wait, rollout.id);
    return;
  }
  enter(turn, rollout, "applying", policy.limits.progressMs);
  roll(turn, rollout, policy);
}

/** A window that closed, or a budget that others have used up. It never ends a rollout and never holds up putting back. */
function whyParked(turn: Turn, rollout: Rollout, policy: Policy): Reason | undefined {
  const { now } = turn.context;
  if (rollout.kind === "rollback") return undefined;
  if (!rollout.urgent && !isOpen(policy.windows, now)) {
    const until = nextOpening(policy.windows, now);
    const name = stepName(currentStep(rollout, policy));
    const text = `${rollout.id} waits before ${name} for the next window, ${until ?? "of which there is none"}; "moult rollout start ${turn.record.fleet} --urgent" does not wait for it`;
    return reason("window", text, until ? { until } : {});
  }
  return rollout.granted === null ? noRoom(turn, rollout, policy) : undefined;
}

/** Between two steps: what is there stays, failures count, and the autoscaler may do all it could before. */
export function stayParked(turn: Turn, rollout: Rollout, policy: Policy): void {
  const groups = viewed(turn, rollout, policy);
  if (!groups) return;
  const counts = stepCounts(rollout, policy, groups);
  if (judgeFailures(turn, rollout, policy, assess(rollout, policy, turn.observation, groups, counts))) return;
  for (const { key, group, view } of groups) ownMode(turn, rollout, key, group, view);
  beginStep(turn, rollout, policy);
}

/** applying → converging → baking → gating, over the steps of each wave. */
export function roll(turn: Turn, rollout: Rollout, policy: Policy): void {
  const groups = viewed(turn, rollout, policy);
  if (!groups) return;
  const step = currentStep(rollout, policy);
  const counts = stepCounts(rollout, policy, groups);
  const whole = total(counts);
  if (!grant(turn, rollout, policy, groups, counts)) return;
  const asked: string[] = [];
  for (const { key, group, view } of groups) {
    const wanted = counts.get(key);
    if (!wanted) continue;
    const scales = rollingMode(turn, rollout, key, group, view);
    const fields = {
      versions: mixedVersions(group, wanted.all ? "all" : wanted.count),
      updatePolicy: rollingPolicy(group, policy),
    };
    const what = `wave ${rollout.wave + 1} ${stepName(step)}`;
    if (!ask(turn, rollout, key, group, view, what, fields) || !scales) asked.push(key);
  }
  if (asked.length > 0) {
    if (rollout.phase !== "applying") enter(turn, rollout, "applying", policy.limits.progressMs);
    say(turn, "applying", `asking for ${describeStep(step)} of ${rollout.to.image.name} in ${asked.join(", ")}`);
    // What is asked for the first time now was not refused yet, however long nobody has looked.
    const again = asked.some((key) => rollout.groups[key]?.intent?.at !== turn.context.now);
    if (again && rollout.deadline && turn.context.now >= rollout.deadline) {
      const refusal = rollout.refusal ?? "Compute did not take the change";
      const text = `${asked.join(", ")} could not be changed since ${rollout.since}: ${refusal}`;
      // Or the group would be asked to go on and to stop in one look, and the first would win.
      turn.effects = turn.effects.filter(({ kind }) => kind !== "patch-group" && kind !== "patch-autoscaler");
      stop(turn, rollout, policy, reason("paused", text));
    }
    return;
  }
  delete rollout.refusal;
  if (rollout.phase === "applying") {
    enter(turn, rollout, "converging", policy.limits.progressMs);
    rollout.best = 0;
  }
  const verdict = judge(turn, rollout, policy, step, groups, counts, whole);
  if (verdict === "step passed") passStep(turn, rollout, policy, step, whole);
  else if (verdict === "wave passed") nextWave(turn, rollout, policy);
}

function total(counts: Judged): number {
  return [...counts.values()].reduce((sum, { count }) => sum + count, 0);
}

/** The new machines that the current step wants of each group of the waves so far. */
function stepCounts(rollout: Rollout, policy: Policy, groups: Viewed[]): Judged {
  const step = currentStep(rollout, policy);
  const counts: Judged = new Map();
  for (const { key, group, wave, view } of groups) {
    if (wave > rollout.wave) continue;
    const all = wave < rollout.wave || isAll(step);
    counts.set(key, {
      all,
      count: all ? view.targetSize : wantedCount(step, view.targetSize, askedFor(group, view)),
    });
  }
  return counts;
}

/** The groups as they are, or undefined after saying why nothing can be asked of them now. */
function viewed(turn: Turn, rollout: Rollout, policy: Policy): Viewed[] | undefined {
  const { fleet } = turn.record;
  const groups: Viewed[] = [];
  for (const entry of waveGroups(rollout, policy)) {
    const view = turn.observation.groups[entry.key];
    if (!view) {
      say(turn, "access-denied", `group ${entry.key} was not read; it is looked at again`);
      return undefined;
    }
    if (isProblem(view)) {
      const advice =
        view.problem === "missing"
          ? `make it again, or end this with "moult rollback ${fleet}"`
          : "grant what it names";
      say(turn, view.problem === "missing" ? "group-missing" : "access-denied", `${view.text}; ${advice}`);
      return undefined;
    }
    if (changedFromOutside(entry.group, view)) {
      stop(turn, rollout, policy, outside(fleet, entry.key));
      return undefined;
    }
    groups.push({ ...entry, view });
  }
  return groups;
}

function currentStep(rollout: Rollout, policy: Policy): Step {
  return stepsOf(rollout, policy)[rollout.step] ?? { share: 1, bakeMs: 0 };
}

function passStep(turn: Turn, rollout: Rollout, policy: Policy, step: Step, machines: number): void {
  const { now } = turn.context;
  const names = policy.gates.map(({ key }) => key).join(", ") || "no gate (the fleet file names none)";
  const why = reason("gate-passed", `${stepName(step)}: ${counted(machines, "machine")} passed ${names}`);
  rollout.passed.push({
    wave: rollout.wave,
    step: stepName(step),
    at: now,
    machines,
    ...(Object.keys(rollout.gates).length > 0 && { gates: rollout.gates }),
  });
  remember(turn, "gate-passed", why, rollout.id);
  startAfresh(turn, rollout);
  if (isAll(step)) {
    enter(turn, rollout, "final-bake", policy.limits.progressMs);
    roll(turn, rollout, policy);
    return;
  }
  rollout.step += 1;
  beginStep(turn, rollout, policy);
}

/** Evidence is of a step: what was found before it says nothing about it. */
function startAfresh(turn: Turn, rollout: Rollout): void {
  rollout.stepSince = turn.context.now;
  rollout.best = 0;
  rollout.bakesLost = 0;
  delete rollout.unexplained;
  rollout.gates = {};
}

function nextWave(turn: Turn, rollout: Rollout, policy: Policy): void {
  const last = Math.max(...waveGroups(rollout, policy).map(({ wave }) => wave));
  if (rollout.wave >= last) {
    enter(turn, rollout, "finishing", policy.limits.progressMs);
    finish(turn, rollout, policy);
    return;
  }
  rollout.wave += 1;
  rollout.step = 0;
  startAfresh(turn, rollout);
  beginStep(turn, rollout, policy);
}

/** Gives each group its own update policy back; then, and only then, the release is stable. */
export function finish(turn: Turn, rollout: Rollout, policy: Policy): void {
  const groups = viewed(turn, rollout, policy);
  if (!groups) return;
  const asked = groups.filter(({ key, group, view }) => {
    const scales = ownMode(turn, rollout, key, group, view);
    const wanted = { versions: group.to, updatePolicy: ownPolicy(group, view) };
    return !ask(turn, rollout, key, group, view, "finish", wanted) || !scales;
  });
  if (asked.length > 0) {
    const names = asked.map(({ key }) => key).join(", ");
    say(turn, "finishing", `giving ${names} the update policy and the autoscaler's mode back that were found there`);
    return;
  }
  settle(turn, rollout);
  const why = say(turn, "succeeded", `all machines run ${rollout.to.image.name}, release ${short(rollout.to.digest)}`);
  end(turn, rollout, "succeeded", why);
}
