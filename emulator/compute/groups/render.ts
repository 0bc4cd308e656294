import type { CurrentAction } from "../../../wire/compute.d.ts";
import { pacific } from "../../frame/time.ts";
import type { Cloud } from "../cloud.ts";
import { link } from "../names.ts";
import type { Json } from "../schema/check.ts";
import { progress } from "../updater/decide.ts";
import { renderDistribution } from "./distribution.ts";
import { calculate, goalOf, instanceOf, neededIn, versionGoals, viewsOf } from "./goal.ts";
import { type FixedOrPercent, type GroupError, groupPath, type Member, memberPath, type StoredGroup } from "./model.ts";
import { location } from "./settings.ts";

const COUNTED: Partial<Record<CurrentAction, string>> = {
  NONE: "none",
  CREATING: "creating",
  CREATING_WITHOUT_RETRIES: "creatingWithoutRetries",
  VERIFYING: "verifying",
  RECREATING: "recreating",
  DELETING: "deleting",
  ABANDONING: "abandoning",
  RESTARTING: "restarting",
  REFRESHING: "refreshing",
  SUSPENDING: "suspending",
  RESUMING: "resuming",
  STOPPING: "stopping",
  STARTING: "starting",
};

export function renderGroup(cloud: Cloud, group: StoredGroup, origin: string): Json {
  const to = (path: string) => link(origin, path);
  const path = groupPath(group);
  const { scope, policy, healing } = group;
  const goals = versionGoals(group);
  const main = group.versions.find((version) => !version.targetSize) ?? group.versions[0];
  const counts = Object.fromEntries(Object.values(COUNTED).map((word) => [word, 0]));
  for (const { action } of group.members.values()) {
    const word = COUNTED[action];
    if (word) counts[word] = (counts[word] ?? 0) + 1;
  }
  const status = progress(goalOf(cloud, group), viewsOf(cloud, group), neededIn(cloud), cloud.world.clock.now());
  const sized = (value: FixedOrPercent, rounding: "up" | "down") => ({
    ...value,
    calculated: calculate(value, group.targetSize, rounding),
  });
  return {
    kind: "compute#instanceGroupManager",
    id: group.id,
    creationTimestamp: pacific(group.created),
    name: group.name,
    ...(group.description !== undefined && { description: group.description }),
    ...(scope.kind !== "global" && { [scope.kind]: to(location(group)) }),
    ...(scope.kind === "region" && {
      distributionPolicy: renderDistribution(group, (zone) => to(`projects/${group.project}/zones/${zone}`)),
    }),
    ...(main && { instanceTemplate: to(main.template) }),
    versions: group.versions.map(({ template, name, targetSize }, i) => ({
      ...(name !== undefined && { name }),
      instanceTemplate: to(template),
      targetSize: { ...targetSize, calculated: goals[i]?.size ?? 0 },
    })),
    instanceGroup: to(path.replace("instanceGroupManagers", "instanceGroups")),
    baseInstanceName: group.baseInstanceName,
    fingerprint: group.fingerprint,
    currentActions: counts,
    status: {
      isStable: status.isStable && !group.deleting,
      allInstancesConfig: { effective: true },
      versionTarget: { isReached: status.isReached },
      stateful: { hasStatefulConfig: false, perInstanceConfigs: { allEffective: true } },
    },
    targetSize: group.targetSize,
    listManagedInstancesResults: group.listResults,
    selfLink: to(path),
    ...(healing && {
      autoHealingPolicies: [
        {
          ...(healing.healthCheck !== undefined && { healthCheck: to(healing.healthCheck) }),
          initialDelaySec: healing.initialDelaySec,
        },
      ],
    }),
    updatePolicy: {
      type: policy.type,
      ...(policy.instanceRedistributionType && { instanceRedistributionType: policy.instanceRedistributionType }),
      minimalAction: policy.minimalAction,
      ...(policy.mostDisruptiveAllowedAction && { mostDisruptiveAllowedAction: policy.mostDisruptiveAllowedAction }),
      maxSurge: sized(policy.maxSurge, "up"),
      maxUnavailable: sized(policy.maxUnavailable, cloud.behaviours.unavailableRounding),
      replacementMethod: policy.replacementMethod,
    },
    instanceLifecyclePolicy: group.lifecycle,
    ...(group.namedPorts && { namedPorts: group.namedPorts }),
  };
}

const versionOf = (template: string, name: string, origin: string) => ({
  instanceTemplate: link(origin, template),
  ...(name !== "" && { name }),
});

export function renderMember(cloud: Cloud, group: StoredGroup, member: Member, origin: string): Json {
  const instance = instanceOf(cloud, group, member);
  const { action, lastAttempt } = member;
  const check = group.healing?.healthCheck;
  // The intended version; a machine on its way out has none.
  const leaving = action === "DELETING" || action === "ABANDONING";
  return {
    instance: link(origin, memberPath(group, member)),
    ...(instance && { id: instance.id }),
    name: member.name,
    ...(instance && { instanceStatus: instance.status }),
    currentAction: action,
    version: leaving ? {} : versionOf(member.template, member.version, origin),
    ...(lastAttempt && {
      lastAttempt: { errors: { errors: [{ code: lastAttempt.code, message: lastAttempt.message }] } },
    }),
    ...(check !== undefined &&
      instance && { instanceHealth: [{ healthCheck: link(origin, check), detailedHealthState: member.health }] }),
  };
}

export function renderError(error: GroupError, origin: string): Json {
  return {
    error: { code: error.code, message: error.message },
    instanceActionDetails: {
      instance: link(origin, error.instance),
      action: error.action,
      version: versionOf(error.template, error.version ?? "", origin),
    },
    timestamp: pacific(error.timestamp),
  };
}
