import type { FixedOrPercent, ManagerVersion, UpdatePolicy } from "../../wire/compute.d.ts";
import type { GroupView } from "./observation.ts";
import type { Policy, Step } from "./policy.ts";
import type { RolloutGroup } from "./rolloutrecord.ts";

/** The fields of a group that moult owns while it rolls. */
export interface Owned {
  versions: ManagerVersion[];
  updatePolicy: UpdatePolicy;
}

/**
 * New machines a step asks of a group: shares are of its present size, rounded up, at least one, and never fewer than
 * were asked for before. Only the last step may take the last old machine: a canary as large as its group is none.
 * Fixed numbers, because percentages given to Compute would move with the autoscaler.
 */
export function wantedCount(step: Step, size: number, asked: number): number {
  const wanted = "canary" in step ? step.canary : ofShare(step.share, size);
  const most = isAll(step) ? size : size - 1;
  return Math.min(size, Math.max(1, Math.min(wanted, most), asked));
}

/** A whole percentage of so many machines, rounded up; in whole numbers, because 0.07 * 100 is a little more than 7. */
export function ofShare(share: number, of: number): number {
  return Math.ceil((Math.round(share * 100) * of) / 100);
}

export function isAll(step: Step): boolean {
  return "share" in step && step.share === 1;
}

/** From `/projects/` on: the same thing is written with different hosts. */
export function urlPath(url: string): string {
  return url.replace(/^https?:\/\/[^/]+\/(?:compute\/(?:v1|beta|alpha)\/)?/, "");
}

export function lastSegment(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

/** The version that takes whatever has no size of its own; exactly one has none. */
export function openVersion(versions: ManagerVersion[]): ManagerVersion | undefined {
  return versions.find(({ targetSize }) => targetSize?.fixed === undefined && targetSize?.percent === undefined);
}

function versionOf({ instanceTemplate, name }: ManagerVersion): ManagerVersion {
  return { ...(instanceTemplate && { instanceTemplate }), ...(name && { name }) };
}

/** Versions as they can be sent back: without what Compute worked out. */
export function sendable(versions: ManagerVersion[]): ManagerVersion[] {
  return versions.map((version) => {
    const { fixed, percent } = version.targetSize ?? {};
    const size = fixed !== undefined ? { fixed } : percent !== undefined ? { percent } : undefined;
    return { ...versionOf(version), ...(size && { targetSize: size }) };
  });
}

export function sendablePolicy(policy: UpdatePolicy): UpdatePolicy {
  const plain = ({ fixed, percent }: { fixed?: number; percent?: number }) =>
    percent !== undefined ? { percent } : { fixed: fixed ?? 0 };
  return {
    ...policy,
    ...(policy.maxSurge && { maxSurge: plain(policy.maxSurge) }),
    ...(policy.maxUnavailable && { maxUnavailable: plain(policy.maxUnavailable) }),
  };
}

/** Compute takes percentages of groups of at least so many machines (`updatePolicy.maxSurge` of the API reference). */
const PERCENT_FROM = 10;

/**
 * The update policy that was found, as it can be given back: percentages of a group that has become too small for them
 * become the numbers they stand for now, or Compute would refuse and the group would never be given back. A regional group has
 * as many as it has zones, or none: of its machines rather none may be missing than all, where some may be above.
 */
export function ownPolicy(group: RolloutGroup, { targetSize, zones }: GroupView): UpdatePolicy {
  const own = sendablePolicy(group.from.updatePolicy);
  if (targetSize >= PERCENT_FROM) return own;
  const { maxSurge, maxUnavailable } = own;
  const least = Math.max(1, zones);
  const of = (percent: number, round: (count: number) => number) => round((percent * targetSize) / 100);
  const above = ({ percent, ...limit }: FixedOrPercent): FixedOrPercent => {
    if (percent === undefined) return limit;
    return { fixed: percent === 0 ? 0 : Math.max(least, of(percent, Math.ceil)) };
  };
  const surge = maxSurge && above(maxSurge);
  const missing = ({ percent, ...limit }: FixedOrPercent): FixedOrPercent => {
    if (percent === undefined) return limit;
    const count = of(percent, Math.floor);
    return { fixed: count >= least ? count : surge?.fixed === 0 ? least : 0 };
  };
  return {
    ...own,
    ...(surge && { maxSurge: surge }),
    ...(maxUnavailable && { maxUnavailable: missing(maxUnavailable) }),
  };
}

/** Versions while `count` machines are new; all of them when `count` is "all". */
export function mixedVersions(group: RolloutGroup, count: number | "all"): ManagerVersion[] {
  if (count === "all") return group.to;
  const stable = openVersion(group.from.versions);
  const fresh = openVersion(group.to);
  const rest = stable ? [versionOf(stable)] : [];
  return count === 0 || !fresh ? rest : [...rest, { ...versionOf(fresh), targetSize: { fixed: count } }];
}

/**
 * What holds a group as it is, whatever the autoscaler does: nothing is replaced any more (OPPORTUNISTIC), the stable
 * version takes whatever is added, and the new one stays at the `fresh` machines that are there.
 */
export function pausedAs(group: RolloutGroup, policy: Policy, size: number, fresh: number): Owned {
  return {
    versions: mixedVersions(group, Math.min(fresh, size)),
    updatePolicy: { ...rollingPolicy(group, policy), type: "OPPORTUNISTIC" },
  };
}

/** The group's own policy, made to replace machines as the fleet's policy allows. */
export function rollingPolicy(group: RolloutGroup, policy: Policy): UpdatePolicy {
  return {
    ...sendablePolicy(group.from.updatePolicy),
    type: "PROACTIVE",
    minimalAction: "REPLACE",
    mostDisruptiveAllowedAction: "REPLACE",
    maxSurge: { fixed: group.scarce ? 0 : policy.replace.above },
    maxUnavailable: { fixed: group.scarce ? (policy.replace.scarce ?? 1) : policy.replace.missing },
  };
}

/**
 * One text for what a group's owned fields are; equal texts mean nothing is left to change. Canonical, without sorting what is
 * written here in order: several are made of every group at every look.
 */
export function ownedText({ versions, updatePolicy }: Owned): string {
  const plain = sendable(versions).map(({ name = "", targetSize: size = null, instanceTemplate = "" }) => ({
    name,
    size,
    template: urlPath(instanceTemplate),
  }));
  // One size as large as the group and an open one are the same to Compute only until the group grows: not folded here.
  const { type, minimalAction, mostDisruptiveAllowedAction, replacementMethod, maxSurge, maxUnavailable } =
    sendablePolicy(updatePolicy);
  return JSON.stringify({
    policy: {
      maxSurge: maxSurge ?? null,
      maxUnavailable: maxUnavailable ?? null,
      minimalAction: minimalAction ?? "REPLACE",
      mostDisruptiveAllowedAction: mostDisruptiveAllowedAction ?? "REPLACE",
      replacementMethod: replacementMethod ?? "SUBSTITUTE",
      type: type ?? "OPPORTUNISTIC",
    },
    versions: plain,
  });
}

/** New machines asked for so far by the group's own versions; all of them when the new version is the open one. */
export function askedFor(group: RolloutGroup, view: GroupView): number {
  const fresh = view.versions.find((version) => lastSegment(version.instanceTemplate ?? "") === group.template);
  if (!fresh) return 0;
  return fresh.targetSize?.fixed ?? view.targetSize;
}
