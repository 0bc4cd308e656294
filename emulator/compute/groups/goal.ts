import type { Cloud } from "../cloud.ts";
import { assign, pairUp } from "../updater/assign.ts";
import { neededBetween } from "../updater/needed.ts";
import { type GroupGoal, leaving, type MemberView, type Needed, type VersionGoal } from "../updater/values.ts";
import { type FixedOrPercent, instanceOf, type StoredGroup } from "./model.ts";
import { outdatedBy } from "./preserved.ts";
import { hasStatefulConfig } from "./stateful.ts";

export { instanceOf };

export function calculate(value: FixedOrPercent, of: number, rounding: "up" | "down"): number {
  if (value.percent === undefined) return value.fixed ?? 0;
  const exact = (value.percent * of) / 100;
  return rounding === "up" ? Math.ceil(exact) : Math.floor(exact);
}

/** How many machines each version shall have; `rounding` is of a percentage. */
export function versionGoals(group: StoredGroup, rounding: "up" | "down"): VersionGoal[] {
  let rest = group.targetSize;
  const sizes = group.versions.map(({ targetSize }) => {
    if (!targetSize) return undefined;
    const size = Math.min(rest, calculate(targetSize, group.targetSize, rounding));
    rest -= size;
    return size;
  });
  return group.versions.map(({ template, name = "" }, i) => ({
    template,
    name,
    size: sizes[i] ?? rest,
    explicit: sizes[i] !== undefined,
  }));
}

export function goalOf(cloud: Cloud, group: StoredGroup): GroupGoal {
  const { policy, lifecycle, healing } = group;
  return {
    targetSize: group.targetSize,
    versions: versionGoals(group, cloud.behaviours.versionRounding),
    proactive: policy.type === "PROACTIVE",
    minimalAction: policy.minimalAction,
    mostDisruptiveAllowedAction: policy.mostDisruptiveAllowedAction ?? "REPLACE",
    surge: calculate(policy.maxSurge, group.targetSize, cloud.behaviours.surgeRounding),
    unavailable: calculate(policy.maxUnavailable, group.targetSize, cloud.behaviours.unavailableRounding),
    // What is kept is kept under its name.
    inPlace: policy.replacementMethod === "RECREATE" || hasStatefulConfig(group),
    checked: healing?.healthCheck !== undefined,
    initialDelayMs: (healing?.initialDelaySec ?? 0) * 1000,
    repairs: lifecycle.defaultActionOnFailure === "REPAIR",
    updateOnRepair: lifecycle.forceUpdateOnRepair === "YES",
    scaleIn: cloud.behaviours.scaleIn,
    keepsSurge: cloud.behaviours.pausedSurge === "kept",
    // Without a shape to keep, no zone is too full.
    zones: group.shape === "ANY" || group.shape === "ANY_SINGLE_ZONE" ? [] : group.zones,
    redistributes: policy.instanceRedistributionType === "PROACTIVE",
  };
}

export function viewsOf(cloud: Cloud, group: StoredGroup): MemberView[] {
  return [...group.members.values()].map((member) => {
    const status = instanceOf(cloud, group, member)?.status;
    const outdated = outdatedBy(cloud, group, member);
    return {
      name: member.name,
      zone: member.zone,
      createdAt: member.createdAt,
      action: member.action,
      template: member.template,
      version: member.version,
      health: member.health,
      everHealthy: member.everHealthy,
      ...(status !== undefined && { status }),
      ...(outdated && { outdated }),
      ...(member.runningSince !== undefined && { runningSince: member.runningSince }),
    };
  });
}

export function neededIn(cloud: Cloud): Needed {
  // A group compares few templates for many members.
  const known = new Map<string, ReturnType<Needed>>();
  return (from, to) => {
    const key = `${from} ${to}`;
    const [a, b] = [cloud.templates.get(from), cloud.templates.get(to)];
    const answer = known.get(key) ?? (a && b ? neededBetween(a.properties, b.properties) : "REPLACE");
    known.set(key, answer);
    return answer;
  };
}

/** The version each named member would change to now, if it is not as it shall be. */
export function targetsOf(cloud: Cloud, group: StoredGroup, names: string[]): Map<string, VersionGoal> {
  const staying = viewsOf(cloud, group).filter((member) => !leaving(member));
  const { excess, deficits } = assign(goalOf(cloud, group), staying);
  const asked = new Set(names);
  const { of } = pairUp({ excess: excess.filter(({ name }) => asked.has(name)), deficits });
  return new Map([...of].map(([{ name }, version]) => [name, version]));
}
