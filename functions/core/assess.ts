import { classifyFault } from "./faults.ts";
import { type GroupView, isProblem, type MachineView, type Observation } from "./observation.ts";
import { asksFor, groupKey, type Policy, type Step } from "./policy.ts";
import type { Rollout, RolloutGroup } from "./rolloutrecord.ts";
import type { Turn } from "./turn.ts";

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
  /** Of the two beside: running and, where that is owed, reported. What is missing is the group's word, which has no event. */
  checking: MachineView[];
  unhealthy: MachineView[];
  /** Old machines a last step still has to replace. */
  old: MachineView[];
  /** Groups without machines, where nothing can be proved. */
  empty: string[];
  /** Reports that did arrive for this release, from any machine. */
  reported: number;
  capacity: string[];
  /** Keys of the groups it is lacking in. */
  scarce: string[];
  refused: string[];
  /** At least one of the groups has a health check. */
  checked: boolean;
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
export function stepsOf(rollout: Pick<Rollout, "kind" | "forwardFix">, policy: Policy): Step[] {
  if (rollout.kind === "rollback") return [{ share: 1, bakeMs: 0 }];
  const [first] = policy.steps;
  // What is to mend a broken fleet is tried on one machine first, whatever the fleet file says.
  if (rollout.forwardFix && first && !("canary" in first))
    return [{ canary: 1, bakeMs: first.bakeMs }, ...policy.steps];
  return policy.steps;
}

const LEAVING = new Set(["DELETING", "ABANDONING"]);

export function isLeaving(action: string): boolean {
  return LEAVING.has(action);
}

export function newMachines(group: RolloutGroup, view: GroupView): MachineView[] {
  return view.machines.filter(({ template, action }) => template === group.template && !isLeaving(action));
}

/** Group key → new machines asked of it so far, and whether that is the whole group. */
export type Judged = Map<string, { count: number; all: boolean }>;

export type Viewed = WaveGroup & { view: GroupView };

/** What this look says of the machines in `counts`; groups that are not in it are of a later wave. */
export function assess(
  rollout: Rollout,
  policy: Policy,
  observation: Observation,
  groups: Viewed[],
  counts: Judged,
): Assessment {
  const ready = new Set(
    observation.reports.filter(({ verdict }) => verdict === "ready").map(({ instanceId }) => instanceId),
  );
  const found: Assessment = {
    wanted: 0,
    fine: [],
    creating: [],
    booting: [],
    checking: [],
    unhealthy: [],
    old: [],
    empty: [],
    reported: observation.reports.length,
    capacity: [],
    scarce: [],
    refused: [],
    checked: false,
  };
  const asksHealth = asksFor(policy, "health");
  for (const { key, group, view } of groups) {
    const wanted = counts.get(key);
    if (!wanted) continue;
    // A person's rollback proves nothing: its release was stable.
    if (view.targetSize === 0 && rollout.kind === "forward") found.empty.push(key);
    if (view.checked) found.checked = true;
    found.wanted += wanted.count;
    const fresh = newMachines(group, view);
    for (const machine of fresh) {
      if (machine.id === undefined || machine.status !== "RUNNING") {
        found.creating.push(machine);
        continue;
      }
      const reported = !rollout.reports || ready.has(machine.id);
      const unhealthy = asksHealth && view.checked && machine.health !== "HEALTHY";
      if (reported && !unhealthy && machine.action === "NONE") {
        found.fine.push(machine);
        continue;
      }
      (unhealthy && machine.action !== "VERIFYING" ? found.unhealthy : found.booting).push(machine);
      if (reported) found.checking.push(machine);
    }
    if (wanted.all)
      found.old.push(
        ...view.machines.filter(({ template, action }) => template !== group.template && !isLeaving(action)),
      );
    // Only errors about this release's template and since this step: older ones were judged when they came.
    const errors = [
      ...view.errors.filter(({ template, at }) => template === group.template && at >= rollout.stepSince),
      ...fresh.flatMap(({ status, errors }) => (status === "RUNNING" ? [] : errors)),
    ];
    for (const { code, message } of errors) {
      const kind = classifyFault(code);
      if (kind === "capacity") {
        found.capacity.push(`${code}: ${message}`);
        if (!found.scarce.includes(key) && mayDoWithout(view, policy)) found.scarce.push(key);
      }
      if (kind === "refused") found.refused.push(`${code}: ${message}`);
    }
  }
  return found;
}

/**
 * Where none is allowed above any more, those above go at once, and Compute takes old ones that serve before new ones that
 * do not: enough must serve without them. What stops serving after this look and before the change is not seen: see
 * docs/rollout.md, "Where there is no room".
 */
function mayDoWithout({ machines, targetSize, checked }: GroupView, { replace }: Policy): boolean {
  const staying = machines.filter(({ action }) => !isLeaving(action));
  const serving = staying.filter((machine) => serves(machine, checked));
  const above = Math.max(0, staying.length - targetSize);
  return serving.length - above >= targetSize - (replace.scarce ?? 0);
}

/** As many new machines as the step asked for, and nothing under way on them. */
export function isConverged(found: Assessment): boolean {
  return (
    // A group without machines follows where another proves the release; where there is none, nothing is proved.
    (found.empty.length === 0 || found.wanted > 0) &&
    found.fine.length >= found.wanted &&
    found.creating.length === 0 &&
    found.booting.length === 0 &&
    found.unhealthy.length === 0 &&
    found.old.length === 0
  );
}

/** All that is missing of the step has no event of its own, as a report is one: worth looking at closely. */
export function isNearly(
  { wanted, fine, creating, booting, unhealthy, checking }: Assessment,
  reports: boolean,
): boolean {
  const made = reports ? 0 : creating.length;
  if (checking.length + made === 0 || (reports && creating.length > 0)) return false;
  return booting.length + unhealthy.length === checking.length && fine.length + checking.length + made >= wanted;
}

export type Remade = Required<Pick<Turn, "remade" | "healed">>;

/**
 * Notes which new machines were seen and which have failed: a failed report, or another machine under the same name
 * before the first was ready (the group healed it). What Compute took away itself (preemption, host error) has not failed.
 *
 * @returns names of new machines that were made again since the look before, for whatever reason; and those of them that had
 * been ready and that Compute did not take away.
 */
export function noteMachines(rollout: Rollout, policy: Policy, observation: Observation): Remade {
  const remade: string[] = [];
  const healed: string[] = [];
  const { reports } = observation;
  const wasReady = new Set(
    rollout.reports
      ? reports.filter(({ verdict }) => verdict === "ready").map(({ instanceId }) => instanceId)
      : rollout.ready,
  );
  const ready: string[] = [];
  // Shared with the record that this look began with: a change makes another.
  const seen: [place: string, id: string][] = [];
  for (const { key, group } of waveGroups(rollout, policy)) {
    const view = observation.groups[key];
    if (!view || isProblem(view) || !group.intent) continue;
    for (const machine of newMachines(group, view)) {
      const { name, id, action } = machine;
      // As long as a machine is made again under its name, the id may still be that of the one before.
      if (id === undefined || action === "RECREATING") continue;
      if (!rollout.reports && action === "NONE" && serves(machine, view.checked) && !wasReady.has(id)) ready.push(id);
      // Names are of a zone: two groups may each have a web-1.
      const place = `${key}/${name}`;
      const before = rollout.seen[place];
      if (before === id) continue;
      seen.push([place, id]);
      if (before !== undefined) remade.push(name);
      if (before === undefined || observation.interrupted?.[before] !== undefined) continue;
      if (wasReady.has(before)) healed.push(name);
      else rollout.failed[name] ??= `${name} was made again before it was ready`;
    }
  }
  if (ready.length > 0) rollout.ready = [...(rollout.ready ?? []), ...ready];
  if (seen.length > 0) rollout.seen = { ...rollout.seen, ...Object.fromEntries(seen) };
  const failed = reports.filter(({ verdict }) => verdict === "failed");
  const ours = new Set(failed.length > 0 ? Object.values(rollout.seen) : []);
  for (const { instanceId, instanceName, reason, message } of failed) {
    if (ours.has(instanceId)) rollout.failed[instanceName] ??= `${instanceName} reported ${reason}: ${message}`;
  }
  return { remade, healed };
}

export function serves({ status, health }: MachineView, checked: boolean): boolean {
  return status === "RUNNING" && (!checked || health === "HEALTHY");
}
