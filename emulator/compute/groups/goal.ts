import type { Cloud } from "../cloud.ts";
import { assign } from "../updater/assign.ts";
import { neededBetween } from "../updater/needed.ts";
import { type GroupGoal, leaving, type MemberView, type Needed, type VersionGoal } from "../updater/values.ts";
import { type FixedOrPercent, type Member, memberPath, type StoredGroup } from "./model.ts";

export function calculate(value: FixedOrPercent, of: number, rounding: "up" | "down"): number {
  if (value.percent === undefined) return value.fixed ?? 0;
  const exact = (value.percent * of) / 100;
  return rounding === "up" ? Math.ceil(exact) : Math.floor(exact);
}

/** How many machines each version shall have. A percentage is rounded in favour of the version that states it. */
export function versionGoals(group: StoredGroup): VersionGoal[] {
  let rest = group.targetSize;
  const sizes = group.versions.map(({ targetSize }) => {
    if (!targetSize) return undefined;
    const size = Math.min(rest, calculate(targetSize, group.targetSize, "up"));
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
    versions: versionGoals(group),
    proactive: policy.type === "PROACTIVE",
    minimalAction: policy.minimalAction,
    mostDisruptiveAllowedAction: policy.mostDisruptiveAllowedAction ?? "REPLACE",
    surge: calculate(policy.maxSurge, group.targetSize, "up"),
    unavailable: calculate(policy.maxUnavailable, group.targetSize, cloud.behaviours.unavailableRounding),
    inPlace: policy.replacementMethod === "RECREATE",
    checked: healing?.healthCheck !== undefined,
    initialDelayMs: (healing?.initialDelaySec ?? 0) * 1000,
    repairs: lifecycle.defaultActionOnFailure === "REPAIR",
    updateOnRepair: lifecycle.forceUpdateOnRepair === "YES",
    scaleIn: cloud.behaviours.scaleIn,
    even: policy.instanceRedistributionType === "PROACTIVE" ? group.zones : [],
  };
}

/** The instance behind a member, if it is the one this group made. */
export function instanceOf(cloud: Cloud, group: StoredGroup, member: Member) {
  const instance = member.id === undefined ? undefined : cloud.instances.get(memberPath(group, member));
  return instance?.id === member.id ? instance : undefined;
}

export function viewsOf(cloud: Cloud, group: StoredGroup): MemberView[] {
  return [...group.members.values()].map((member) => {
    const status = instanceOf(cloud, group, member)?.status;
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

/** The version each named member would change to now, if it is not of a wanted one. */
export function targetsOf(cloud: Cloud, group: StoredGroup, names: string[]): Map<string, VersionGoal> {
  const staying = viewsOf(cloud, group).filter((member) => !leaving(member));
  const { excess, deficits } = assign(goalOf(cloud, group), staying);
  const lacking = deficits.flatMap(({ version, count }) => Array.from({ length: count }, () => version));
  const targets = new Map<string, VersionGoal>();
  for (const name of names) {
    const version = excess.some((member) => member.name === name) ? lacking.shift() : undefined;
    if (version) targets.set(name, version);
  }
  return targets;
}
