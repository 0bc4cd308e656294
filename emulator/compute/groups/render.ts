import type { CurrentAction } from "../../../wire/compute.d.ts";
import { pacific } from "../../frame/time.ts";
import { addressPath, reservationOf } from "../addresses/model.ts";
import { autoscalerOf } from "../autoscalers/routes.ts";
import type { Cloud } from "../cloud.ts";
import { link, regionOf } from "../names.ts";
import type { Json } from "../schema/check.ts";
import { progress } from "../updater/decide.ts";
import { isEffective, renderAllInstances } from "./allinstances.ts";
import { renderDistribution } from "./distribution.ts";
import { calculate, goalOf, neededIn, versionGoals, viewsOf } from "./goal.ts";
import {
  type FixedOrPercent,
  type GroupError,
  groupPath,
  instanceOf,
  type Member,
  memberPath,
  type StoredGroup,
} from "./model.ts";
import { renderState, statusOf } from "./perinstance.ts";
import { location } from "./settings.ts";
import { hasStatefulConfig, renderStatefulPolicy, type StoredStatefulPolicy } from "./stateful.ts";

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
  const goals = versionGoals(group, cloud.behaviours.versionRounding);
  const main = group.versions.find((version) => !version.targetSize) ?? group.versions[0];
  const counts = Object.fromEntries(Object.values(COUNTED).map((word) => [word, 0]));
  for (const { action } of group.members.values()) {
    const word = COUNTED[action];
    if (word) counts[word] = (counts[word] ?? 0) + 1;
  }
  const status = progress(goalOf(cloud, group), viewsOf(cloud, group), neededIn(cloud), cloud.world.clock.now());
  const autoscaler = autoscalerOf(cloud, path);
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
      allInstancesConfig: {
        effective: isEffective(group),
        ...(group.allInstances && { currentRevision: group.allInstances.revision }),
      },
      versionTarget: { isReached: status.isReached },
      stateful: {
        hasStatefulConfig: hasStatefulConfig(group),
        perInstanceConfigs: {
          allEffective: [...group.configs.values()].every((config) => statusOf(group, config) === "EFFECTIVE"),
        },
      },
      ...(autoscaler && { autoscaler: to(autoscaler[0]) }),
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
      maxSurge: sized(policy.maxSurge, cloud.behaviours.surgeRounding),
      maxUnavailable: sized(policy.maxUnavailable, cloud.behaviours.unavailableRounding),
      replacementMethod: policy.replacementMethod,
    },
    instanceLifecyclePolicy: group.lifecycle,
    ...(group.namedPorts && { namedPorts: group.namedPorts }),
    ...(group.allInstances && { allInstancesConfig: renderAllInstances(group.allInstances) }),
    ...(group.stateful && { statefulPolicy: renderStatefulPolicy(group.stateful) }),
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
    ...(member.state && { preservedStateFromConfig: renderState(member.state, origin) }),
    ...(member.kept && group.stateful && { preservedStateFromPolicy: keptState(cloud, group, member, origin) }),
    ...(check !== undefined &&
      instance && {
        instanceHealth: [
          {
            healthCheck: link(origin, check),
            detailedHealthState: member.drainingUntil === undefined ? member.health : "DRAINING",
          },
        ],
      }),
  };
}

function keptState(cloud: Cloud, group: StoredGroup, member: Member, origin: string): Json {
  const { disks = {}, ip, natIp } = member.kept ?? {};
  const policy: Partial<StoredStatefulPolicy> = group.stateful ?? {};
  const addressed = (rules: StoredStatefulPolicy["internalIPs"] | undefined, literal: string | undefined) => {
    const rule = rules?.nic0;
    if (!rule || literal === undefined) return {};
    const reserved = reservationOf(cloud, group.project, regionOf(member.zone), literal);
    return { nic0: { literal, ...(reserved && { address: addressPath(reserved) }), ...rule } };
  };
  return renderState(
    {
      disks: Object.fromEntries(
        Object.entries(disks).map(([device, source]) => [
          device,
          { source, mode: "READ_WRITE", autoDelete: policy.disks?.[device]?.autoDelete ?? "NEVER" },
        ]),
      ),
      internalIPs: addressed(policy.internalIPs, ip),
      externalIPs: addressed(policy.externalIPs, natIp),
      metadata: {},
    },
    origin,
  );
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
