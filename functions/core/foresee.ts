import { stepsOf } from "./assess.ts";
import { counts, mostAbove } from "./counts.ts";
import { formatDuration, type Instant, later } from "./instants.ts";
import { failureLimit } from "./judge.ts";
import type { BudgetView, GroupView, Problem } from "./observation.ts";
import type { PlannedBudget, PlannedGate, PlannedGroup, PlannedStep, PlannedWave, PlannedWindows } from "./planned.ts";
import { type Gate, groupKey, type Policy, type Step, stepName } from "./policy.ts";
import { counted } from "./reasons.ts";
import { closesAt, isOpen, nextOpening, windowText } from "./windows.ts";

/** The waves with their exact numbers, as if the groups kept the sizes they have. */
export function foreseeWaves(
  policy: Policy,
  groups: ReadonlyMap<string, GroupView>,
  templates: Record<string, { name: string }>,
): PlannedWave[] {
  const steps = stepsOf({ kind: "forward", forwardFix: null }, policy);
  const gates = policy.gates.map(foreseeGate);
  const order = [...new Set(policy.groups.map(({ wave }) => wave))].sort((a, b) => a - b);
  let before = 0;
  return order.map((wave) => {
    const refs = policy.groups.filter((ref) => ref.wave === wave);
    const planned = refs.flatMap((ref): (PlannedGroup & { counts: number[] })[] => {
      const view = groups.get(groupKey(ref));
      return view ? [foreseeGroup(policy, steps, groupKey(ref), view, templates)] : [];
    });
    const foreseen: PlannedWave = {
      wave,
      groups: planned.map(({ counts: _, ...group }) => group),
      steps: steps.map((step, i) => foreseeStep(policy, step, i, planned, before, gates)),
      finalBakeMs: policy.finalBakeMs,
      finalGates: gates.filter(({ key }) => key !== "approval"),
    };
    before += planned.reduce((sum, { size }) => sum + size, 0);
    return foreseen;
  });
}

function foreseeGroup(
  { replace }: Policy,
  steps: Step[],
  key: string,
  view: GroupView,
  templates: Record<string, { name: string }>,
): PlannedGroup & { counts: number[] } {
  const cumulative = counts(steps, view.targetSize);
  return {
    key,
    size: view.targetSize,
    zones: view.zones,
    inPlace: view.updatePolicy.replacementMethod === "RECREATE",
    autoscaler: view.autoscaler?.mode === "ON" ? view.autoscaler.name : null,
    template: templates[key]?.name ?? null,
    above: mostAbove(replace.above, cumulative),
    // No more are missing than a step replaces, either. Where there is no room above, replace.scarce may be missing.
    missing: mostAbove(Math.max(replace.missing, replace.scarce ?? 0), cumulative),
    counts: cumulative,
  };
}

function foreseeStep(
  policy: Policy,
  step: Step,
  i: number,
  groups: (PlannedGroup & { counts: number[] })[],
  before: number,
  gates: PlannedGate[],
): PlannedStep {
  const ofGroups = groups.map(({ key, size, counts: cumulative }) => {
    const machines = cumulative[i] ?? 0;
    return { key, size, machines, more: machines - (cumulative[i - 1] ?? 0) };
  });
  const machines = before + ofGroups.reduce((sum, group) => sum + group.machines, 0);
  const asksPerson = step.approval && !gates.some(({ key }) => key === "approval");
  return {
    name: stepName(step),
    bakeMs: step.bakeMs,
    groups: ofGroups,
    machines,
    failures: foreseeFailures(policy, machines),
    gates: asksPerson ? [...gates, foreseeGate({ key: "approval", kind: "approval" })] : gates,
  };
}

function foreseeFailures(policy: Policy, machines: number): PlannedStep["failures"] {
  const putBackAt = failureLimit(policy, machines);
  const mayFail = Math.min(machines, putBackAt - 1);
  const progress = formatDuration(policy.limits.progressMs);
  const text =
    putBackAt > machines
      ? `the limit of ${putBackAt} cannot be reached with ${counted(machines, "new machine")}: a failed one stops the step, and it is put back after ${progress} without progress`
      : `${mayFail} of ${machines} may fail; at ${counted(putBackAt, "failed machine")} everything is put back`;
  return { putBackAt, mayFail, text };
}

export function foreseeGate(gate: Gate): PlannedGate {
  const rules = "inconclusive" in gate ? { inconclusive: gate.inconclusive, withinMs: gate.withinMs } : {};
  return { key: gate.key, asks: asksText(gate), ...rules };
}

function asksText(gate: Gate): string {
  switch (gate.kind) {
    case "reports":
      return "a signed boot report, ready, of every new machine";
    case "health":
      return "every new machine HEALTHY by its group's health check, where there is one";
    case "backend":
      return `every new machine HEALTHY in backend service ${gate.backend}${gate.region ? ` of ${gate.region}` : ""}`;
    case "metric": {
      const bounds = [
        gate.above === undefined ? [] : [`above ${gate.above}`],
        gate.below === undefined ? [] : [`below ${gate.below}`],
      ];
      return `${gate.query} is ${bounds.flat().join(" and ")}`;
    }
    case "alerts":
      return `no alert of ${gate.policy} is open`;
    case "webhook":
      return `${gate.key.replace(/^webhook /, "")} answers pass`;
    case "approval":
      return `a person approves: "moult rollout approve"`;
  }
}

export function foreseeWindows(policy: Policy, now: Instant): PlannedWindows {
  const { windows } = policy;
  const open = isOpen(windows, now);
  const closes = closesAt(windows, now);
  const next: PlannedWindows["next"] = [];
  let from = open ? closes : now;
  while (windows.length > 0 && from !== null && next.length < 3) {
    const opens: Instant | null = nextOpening(windows, from);
    if (opens === null) break;
    from = closesAt(windows, opens);
    next.push({ opens, closes: from });
  }
  return { windows: windows.map(windowText), open, closes, next };
}

const HOUR_MS = 3_600_000;

export function foreseeBudget(
  { budget, fleet }: Policy,
  waves: PlannedWave[],
  seen: BudgetView | Problem | undefined,
  now: Instant,
): PlannedBudget | null {
  if (!budget) return null;
  const sum = (list: { machines: number }[]) => list.reduce((total, { machines }) => total + machines, 0);
  const read = seen && "leases" in seen ? seen : null;
  const largest = Math.max(0, ...waves.flatMap(({ steps }) => steps.map(newIn)));
  return {
    ...budget,
    held: read && sum(read.leases.filter((lease) => lease.fleet !== fleet && lease.until > now)),
    begun: read && sum(read.begun.filter(({ at }) => later(at, HOUR_MS) > now)),
    batches: Math.ceil(largest / Math.max(1, Math.min(budget.machines ?? largest, budget.perHour ?? largest))),
  };
}

function newIn({ groups }: PlannedStep): number {
  return groups.reduce((sum, { more }) => sum + more, 0);
}

/** What bakes and the hourly budget take at the least. How long machines take to boot is not known before they do. */
export function foreseeLeast(policy: Policy, waves: PlannedWave[]): { ms: number; text: string } {
  const ofWave = policy.steps.reduce((sum, { bakeMs }) => sum + bakeMs, policy.finalBakeMs);
  const bakes = ofWave * waves.length;
  const begun = waves.flatMap(({ steps }) => steps.map(newIn)).reduce((sum, more) => sum + more, 0);
  const perHour = policy.budget?.perHour ?? null;
  const rated = perHour === null ? 0 : Math.max(0, Math.ceil(begun / perHour) - 1) * HOUR_MS;
  const ms = Math.max(bakes, rated);
  const why = rated > bakes ? `budget ${policy.budget?.name} allows ${perHour} new machines an hour` : "bakes";
  const more = [
    "the time machines take to be made and to boot",
    ...(waves.some(({ steps }) => steps.some(({ gates }) => gates.some(({ key }) => key === "approval")))
      ? ["the time a person takes to approve"]
      : []),
    ...(policy.windows.length > 0 ? ["the time until windows open"] : []),
  ];
  return {
    ms,
    text: `at least ${formatDuration(ms)} (${why}); ${more.join(", ")} come on top and are not known before`,
  };
}

/** At most at any time over the whole fleet: waves follow one another, groups of one roll together. */
export function foreseeMost(waves: PlannedWave[]): { above: number; missing: number } {
  const most = (of: "above" | "missing") =>
    Math.max(0, ...waves.map(({ groups }) => groups.reduce((sum, group) => sum + group[of], 0)));
  return { above: most("above"), missing: most("missing") };
}
