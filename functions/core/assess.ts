import { classifyFault } from "./faults.ts";
import { type GroupView, isProblem, type MachineView, type Observation, type Problem } from "./observation.ts";
import { groupKey, type Policy, type Step } from "./policy.ts";
import type { Rollout, RolloutGroup } from "./record.ts";
import { isAll } from "./wanted.ts";

/** What one look says about the new machines of the groups that are being rolled. */
export interface Assessment {
  /** New machines wanted by the step, over the groups of the waves so far. */
  wanted: number;
  /** Of them: there, nothing under way on them, healthy, and reported ready. */
  fine: MachineView[];
  /** Made or being made, not running yet. */
  creating: MachineView[];
  /** Running, and not yet reported or not yet healthy. */
  booting: MachineView[];
  unhealthy: MachineView[];
  /** Old machines a last step still has to replace. */
  old: MachineView[];
  /** Groups without machines, where nothing can be proved. */
  empty: string[];
  /** Reports that did arrive for this release, from any machine. */
  reported: number;
  capacity: string[];
  refused: string[];
  /** Why groups could not be read. */
  problems: Problem[];
}

export interface WaveGroup {
  key: string;
  group: RolloutGroup;
  /** 0 is the first wave in order. */
  wave: number;
}

/** The fleet's groups with their place in the order of waves. */
export function waveGroups(rollout: Rollout, policy: Policy): WaveGroup[] {
  const order = [...new Set(policy.groups.map(({ wave }) => wave))].sort((a, b) => a - b);
  return policy.groups.flatMap((ref) => {
    const key = groupKey(ref);
    const group = rollout.groups[key];
    return group ? [{ key, group, wave: order.indexOf(ref.wave) }] : [];
  });
}

/** The steps a rollout goes through: a person's rollback goes straight to all. */
export function stepsOf(rollout: Rollout, policy: Policy): Step[] {
  return rollout.kind === "rollback" ? [{ share: 1, bakeMs: 0 }] : policy.steps;
}

const LEAVING = new Set(["DELETING", "ABANDONING"]);

export function isLeaving(action: string): boolean {
  return LEAVING.has(action);
}

export function newMachines(group: RolloutGroup, view: GroupView): MachineView[] {
  return view.machines.filter(({ template, action }) => template === group.template && !isLeaving(action));
}

export function assess(
  rollout: Rollout,
  policy: Policy,
  observation: Observation,
  wanted: (entry: WaveGroup, view: GroupView, step: Step) => number,
): Assessment {
  const step = stepsOf(rollout, policy)[rollout.step] ?? { share: 1, bakeMs: 0 };
  const ready = new Set(
    observation.reports.filter(({ verdict }) => verdict === "ready").map(({ instanceId }) => instanceId),
  );
  const found: Assessment = {
    wanted: 0,
    fine: [],
    creating: [],
    booting: [],
    unhealthy: [],
    old: [],
    empty: [],
    reported: observation.reports.length,
    capacity: [],
    refused: [],
    problems: [],
  };
  for (const entry of waveGroups(rollout, policy)) {
    if (entry.wave > rollout.wave) continue;
    const view = observation.groups[entry.key];
    if (!view || isProblem(view)) {
      if (view) found.problems.push(view);
      found.wanted += 1;
      continue;
    }
    const all = entry.wave < rollout.wave || isAll(step);
    // A person's rollback proves nothing: its release was stable.
    if (view.targetSize === 0 && rollout.kind === "forward") found.empty.push(entry.key);
    found.wanted += all ? view.targetSize : wanted(entry, view, step);
    const fresh = newMachines(entry.group, view);
    for (const machine of fresh) {
      if (machine.id === undefined || machine.status !== "RUNNING") found.creating.push(machine);
      else if (policy.gates.includes("health") && view.checked && machine.health !== "HEALTHY") {
        (machine.action === "VERIFYING" ? found.booting : found.unhealthy).push(machine);
      } else if (machine.action !== "NONE" || (rollout.reports && !ready.has(machine.id))) found.booting.push(machine);
      else found.fine.push(machine);
    }
    if (all)
      found.old.push(
        ...view.machines.filter(({ template, action }) => template !== entry.group.template && !isLeaving(action)),
      );
    // Only errors about this release's template and since this step: older ones were judged when they came.
    const errors = [
      ...view.errors.filter(({ template, at }) => template === entry.group.template && at >= rollout.stepSince),
      ...fresh.flatMap(({ status, errors }) => (status === "RUNNING" ? [] : errors)),
    ];
    for (const { code, message } of errors) {
      const kind = classifyFault(code);
      if (kind === "capacity") found.capacity.push(`${code}: ${message}`);
      if (kind === "refused") found.refused.push(`${code}: ${message}`);
    }
  }
  return found;
}

/** As many new machines as the step asked for, and nothing under way on them. */
export function isConverged(found: Assessment): boolean {
  return (
    found.problems.length === 0 &&
    found.empty.length === 0 &&
    found.fine.length >= found.wanted &&
    found.creating.length === 0 &&
    found.booting.length === 0 &&
    found.unhealthy.length === 0 &&
    found.old.length === 0
  );
}

/**
 * Notes which new machines were seen and which have failed: a failed report, or another machine under the same name
 * before the first was ready (the group healed it). A machine that was ready and is gone may have been preempted.
 */
export function noteMachines(rollout: Rollout, policy: Policy, observation: Observation): void {
  const byId = new Map(observation.reports.map((report) => [report.instanceId, report]));
  for (const { key, group } of waveGroups(rollout, policy)) {
    const view = observation.groups[key];
    if (!view || isProblem(view) || !group.intent) continue;
    for (const { name, id } of newMachines(group, view)) {
      if (id === undefined) continue;
      // Names are of a zone: two groups may each have a web-1.
      const place = `${key}/${name}`;
      const before = rollout.seen[place];
      if (before !== undefined && before !== id && byId.get(before)?.verdict !== "ready") {
        rollout.failed[name] ??= `${name} was made again before it was ready`;
      }
      rollout.seen[place] = id;
    }
  }
  const ours = new Set(Object.values(rollout.seen));
  for (const { instanceId, instanceName, verdict, reason, message } of observation.reports) {
    if (verdict === "failed" && ours.has(instanceId))
      rollout.failed[instanceName] ??= `${instanceName} reported ${reason}: ${message}`;
  }
}
