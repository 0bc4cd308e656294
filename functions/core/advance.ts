import { type Assessment, assess, isConverged, noteMachines, stepsOf, type WaveGroup, waveGroups } from "./assess.ts";
import { end, settle } from "./ending.ts";
import { releaseInputs } from "./inputs.ts";
import { formatDuration, later } from "./instants.ts";
import { askForTemplates } from "./mint.ts";
import { type GroupView, isProblem } from "./observation.ts";
import { ask, changedFromOutside } from "./patch.ts";
import { outside, pause, stayPaused } from "./pause.ts";
import { describeStep, type Policy, type Step, stepName } from "./policy.ts";
import { counted, type Reason, reason } from "./reasons.ts";
import type { Rollout } from "./record.ts";
import { short } from "./release.ts";
import { putBack, rollBack } from "./rollback.ts";
import { enter, remember, say, type Turn } from "./turn.ts";
import { askedFor, isAll, mixedVersions, rollingPolicy, sendablePolicy, wantedCount } from "./wanted.ts";

/** One look at the active rollout: moves it as far as what was seen allows. */
export function advance(turn: Turn, rollout: Rollout, policy: Policy): void {
  noteMachines(rollout, policy, turn.observation);
  if (turn.observation.refusal) rollout.refusal = turn.observation.refusal;
  switch (rollout.phase) {
    case "prepared":
      prepare(turn, rollout, policy);
      break;
    case "paused":
      stayPaused(turn, rollout, policy);
      break;
    case "rolling-back":
    case "rollback-stuck":
    case "restoring":
      putBack(turn, rollout, policy);
      break;
    case "finishing":
      finish(turn, rollout, policy);
      break;
    default:
      roll(turn, rollout, policy);
  }
}

function prepare(turn: Turn, rollout: Rollout, policy: Policy): void {
  const states = Object.values(rollout.groups).map(({ template }) => ({
    template,
    state: turn.observation.templates[template],
  }));
  // The rollout began in this very look, which has not looked for them.
  if (states.some(({ state }) => state === undefined)) {
    say(turn, "preparing", "the templates are looked at next");
    return;
  }
  const different = states.find(({ state }) => state === "different");
  if (different) {
    // Not an end: the same inputs would begin the same rollout again at once.
    const text = `the template ${different.template} exists and holds something else than its name says; delete it, and it is made anew`;
    say(turn, "external-change", text);
    return;
  }
  const absent = states.filter(({ state }) => state === "absent");
  if (absent.length > 0 && rollout.kind === "rollback") {
    const names = absent.map(({ template }) => template).join(", ");
    const why = say(turn, "base-missing", `${names} is gone: this release can no longer be gone back to`);
    end(turn, rollout, "cancelled", why);
    return;
  }
  if (absent.length > 0) {
    const { inputs } = turn.observation;
    if (inputs) {
      const read = releaseInputs(turn, policy, inputs);
      if ("missing" in read) turn.reasons.push(...read.missing);
      askForTemplates(turn, policy, rollout.id, rollout.to, inputs);
    }
    say(turn, "preparing", `templates are being made: ${absent.map(({ template }) => template).join(", ")}`);
    return;
  }
  enter(turn, rollout, "applying", policy.limits.progressMs);
  roll(turn, rollout, policy);
}

/** applying → converging → baking, over the steps of each wave. */
function roll(turn: Turn, rollout: Rollout, policy: Policy): void {
  const groups = viewed(turn, rollout, policy);
  if (!groups) return;

  const step = currentStep(rollout, policy);
  const asked: string[] = [];
  for (const { key, group, wave, view } of groups) {
    if (wave > rollout.wave) continue;
    const count =
      wave < rollout.wave || isAll(step) ? "all" : wantedCount(step, view.targetSize, askedFor(group, view));
    const wanted = { versions: mixedVersions(group, count), updatePolicy: rollingPolicy(group, policy) };
    if (!ask(turn, rollout, key, group, view, `wave ${rollout.wave + 1} ${stepName(step)}`, wanted)) asked.push(key);
  }
  if (asked.length > 0) {
    if (rollout.phase !== "applying") enter(turn, rollout, "applying", policy.limits.progressMs);
    say(turn, "applying", `asking for ${describeStep(step)} of ${rollout.to.image.name} in ${asked.join(", ")}`);
    if (rollout.deadline && turn.context.now >= rollout.deadline) {
      const refusal = rollout.refusal ?? "Compute did not take the change";
      const text = `${asked.join(", ")} could not be changed since ${rollout.since}: ${refusal}`;
      stop(turn, rollout, policy, reason("paused", text));
    }
    return;
  }
  delete rollout.refusal;
  if (rollout.phase === "applying") {
    enter(turn, rollout, "converging", policy.limits.progressMs);
    rollout.best = 0;
  }
  judge(turn, rollout, policy, step);
}

type Viewed = WaveGroup & { view: GroupView };

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

/** Pauses, and already in this look. */
function stop(turn: Turn, rollout: Rollout, policy: Policy, why: Reason): void {
  pause(turn, rollout, why);
  stayPaused(turn, rollout, policy);
}

/** Begins to put the groups back, and already in this look: every machine that is made meanwhile is one too many. */
function giveUp(turn: Turn, rollout: Rollout, policy: Policy, why: Reason): void {
  rollBack(turn, rollout, why);
  if (turn.record.active) putBack(turn, rollout, policy);
}

function currentStep(rollout: Rollout, policy: Policy): Step {
  return stepsOf(rollout, policy)[rollout.step] ?? { share: 1, bakeMs: 0 };
}

function judge(turn: Turn, rollout: Rollout, policy: Policy, step: Step): void {
  const { now } = turn.context;
  const found = assess(rollout, policy, turn.observation, ({ group }, view, current) =>
    wantedCount(current, view.targetSize, askedFor(group, view)),
  );
  const failures = Object.values(rollout.failed);
  if (failures.length >= policy.limits.failedMachines) {
    const word = failures.some((text) => text.includes("made again")) ? "machine-recreated" : "report-failed";
    const limit = `${counted(failures.length, "machine")} failed, the limit is ${policy.limits.failedMachines}`;
    const why = reason(word, `${limit}: ${failures.join("; ")}`, { evidence: Object.keys(rollout.failed) });
    giveUp(turn, rollout, policy, why);
    return;
  }
  if (found.refused.length > 0) {
    const text = `machines of ${rollout.to.image.name} cannot be made: ${found.refused[0]}. Grant or repair what it names, then "moult start ${turn.record.fleet}"`;
    giveUp(turn, rollout, policy, reason("permission-late", text, { evidence: found.refused }));
    return;
  }
  if (!isConverged(found)) {
    converge(turn, rollout, policy, step, found);
    return;
  }

  if (rollout.phase === "converging") {
    enter(turn, rollout, gatePassed(rollout, step) ? "final-bake" : "baking", policy.limits.progressMs);
  }
  const finalBake = rollout.phase === "final-bake";
  const bakeMs = finalBake ? finalBakeMs(rollout, policy) : step.bakeMs;
  const until = later(rollout.since, bakeMs);
  if (now < until) {
    const name = finalBake ? "the final bake" : `the bake of ${stepName(step)}`;
    say(turn, "baking", `${counted(found.fine.length, "new machine")} healthy; ${name} ends at ${until}`, { until });
    return;
  }
  if (finalBake) nextWave(turn, rollout, policy);
  else passGate(turn, rollout, policy, step, found);
}

/** A wave's last step has passed its gate: what is left of the wave is its final bake, however often that starts again. */
function gatePassed(rollout: Rollout, step: Step): boolean {
  return rollout.passed.some((passed) => passed.wave === rollout.wave && passed.step === stepName(step));
}

function finalBakeMs(rollout: Rollout, policy: Policy): number {
  return rollout.kind === "rollback" ? 0 : policy.finalBakeMs;
}

/** Not there yet: says why, starts a lost bake again, and gives up at the deadline. */
function converge(turn: Turn, rollout: Rollout, policy: Policy, step: Step, found: Assessment): void {
  const { now } = turn.context;
  if (rollout.phase === "baking" || rollout.phase === "final-bake") {
    const lost = found.unhealthy.map(({ name }) => name);
    const what =
      lost.length > 0
        ? `${lost.join(", ")} stopped being healthy`
        : `only ${found.fine.length} of ${counted(found.wanted, "new machine")} ready, some are made again or were added`;
    remember(turn, "bake-lost", reason("unhealthy", `${what}: the bake starts again`), rollout.id);
    enter(turn, rollout, "converging", policy.limits.progressMs);
  }
  if (found.empty.length > 0) {
    rollout.deadline = later(now, policy.limits.progressMs);
    const text = `group ${found.empty.join(", ")} has no machines, so nothing can be proved there; ${stepName(step)} goes on when it grows, "moult rollback ${turn.record.fleet}" ends it`;
    say(turn, "group-empty", text);
    return;
  }
  if (found.fine.length > rollout.best) {
    rollout.best = found.fine.length;
    rollout.deadline = later(now, policy.limits.progressMs);
  }
  sayProgress(turn, rollout, step, found);
  if (rollout.deadline === null || now < rollout.deadline) return;
  const waiting = [...found.creating, ...found.booting, ...found.unhealthy].map(({ name }) => name);
  const quiet = policy.limits.progressMs;
  const since = `no further machine became ready since ${later(rollout.deadline, -quiet)}, longer than limits.progress (${formatDuration(quiet)})`;
  if (found.capacity.length > 0) {
    stop(turn, rollout, policy, reason("capacity", `${since}, for lack of capacity: ${found.capacity[0]}`));
  } else if (rollout.reports && found.booting.length > 0 && found.unhealthy.length === 0 && found.reported === 0) {
    const text = `${since}, and not one report arrived: the machines may be well and the way of the reports broken. Look at the reports bucket and the agents' rights`;
    stop(turn, rollout, policy, reason("reports-missing", text));
  } else {
    giveUp(
      turn,
      rollout,
      policy,
      reason("no-progress", `${since}; waited for ${waiting.join(", ") || "machines to be made"}`, {
        evidence: waiting,
      }),
    );
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

function passGate(turn: Turn, rollout: Rollout, policy: Policy, step: Step, found: Assessment): void {
  const { now } = turn.context;
  const gates = policy.gates.length > 0 ? policy.gates.join(" and ") : "no gate (the fleet file names none)";
  const why = reason("gate-passed", `${stepName(step)}: ${counted(found.fine.length, "machine")} passed ${gates}`);
  rollout.passed.push({ wave: rollout.wave, step: stepName(step), at: now, machines: found.fine.length });
  remember(turn, "gate-passed", why, rollout.id);
  rollout.stepSince = now;
  rollout.best = 0;
  if (isAll(step)) {
    enter(turn, rollout, "final-bake", policy.limits.progressMs);
    judge(turn, rollout, policy, step);
    return;
  }
  rollout.step += 1;
  enter(turn, rollout, "applying", policy.limits.progressMs);
  roll(turn, rollout, policy);
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
  rollout.stepSince = turn.context.now;
  enter(turn, rollout, "applying", policy.limits.progressMs);
  roll(turn, rollout, policy);
}

/** Gives each group its own update policy back; then, and only then, the release is stable. */
function finish(turn: Turn, rollout: Rollout, policy: Policy): void {
  const groups = viewed(turn, rollout, policy);
  if (!groups) return;
  const asked = groups.filter(({ key, group, view }) => {
    const wanted = { versions: group.to, updatePolicy: sendablePolicy(group.from.updatePolicy) };
    return !ask(turn, rollout, key, group, view, "finish", wanted);
  });
  if (asked.length > 0) {
    say(
      turn,
      "finishing",
      `giving ${asked.map(({ key }) => key).join(", ")} the update policy back that was found there`,
    );
    return;
  }
  settle(turn.record, rollout, turn.context.now);
  const why = say(turn, "succeeded", `all machines run ${rollout.to.image.name}, release ${short(rollout.to.digest)}`);
  end(turn, rollout, "succeeded", why);
}
