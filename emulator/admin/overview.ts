import type { Cloud } from "../compute/cloud.ts";
import { groupPath, instanceOf } from "../compute/groups/model.ts";
import { instancePath, type StoredInstance } from "../compute/instances/model.ts";
import { schedulingOf } from "../compute/instances/scheduling.ts";
import { lastOf } from "../compute/names.ts";

interface SeenGroup {
  project: string;
  where: string;
  name: string;
  targetSize: number;
  type: string;
  autoscaler?: { mode: string; least: number; most: number; recommended?: number };
  /** Templates by short name, those that the group wants first. */
  templates: string[];
  members: SeenMember[];
}

interface SeenMachine {
  name: string;
  zone: string;
  status: string;
  /** What its host does to it now, e.g. `MIGRATE_ON_HOST_MAINTENANCE` or `PREEMPTED`. */
  host?: string;
  isSpot?: true;
}

interface SeenMember extends SeenMachine {
  template: string;
  action: string;
  health: string;
}

/** Every group with its machines, and the machines of no group, small enough to be asked for often. */
export function overview(cloud: Cloud): {
  groups: SeenGroup[];
  machines: (SeenMachine & { project: string })[];
  exhaustedZones: string[];
  instances: number;
} {
  const members = new Set<string>();
  const groups = [...cloud.groups.values()].map((group): SeenGroup => {
    const seen = [...group.members.values()].map((member): SeenMember => {
      const instance = instanceOf(cloud, group, member);
      if (instance) members.add(instancePath(instance));
      return {
        ...machineOf(instance),
        name: member.name,
        zone: member.zone,
        template: lastOf(member.template),
        action: member.action,
        health: group.healing?.healthCheck === undefined ? "" : member.health,
      };
    });
    const wanted = group.versions.map((version) => lastOf(version.template));
    const path = groupPath(group);
    const scaler = [...cloud.autoscalers.values()].find(({ target }) => target === path);
    return {
      project: group.project,
      where: group.scope.kind === "global" ? "global" : group.scope.name,
      name: group.name,
      targetSize: group.targetSize,
      type: group.policy.type,
      ...(scaler && {
        autoscaler: {
          mode: scaler.policy.mode,
          least: scaler.policy.minNumReplicas,
          most: scaler.policy.maxNumReplicas,
          ...(scaler.recommended !== undefined && { recommended: scaler.recommended }),
        },
      }),
      templates: [...new Set([...wanted, ...seen.map(({ template }) => template)])],
      members: seen.sort((a, b) => (a.name < b.name ? -1 : 1)),
    };
  });
  const alone = [...cloud.instances].filter(([path]) => !members.has(path)).map(([, instance]) => instance);
  return {
    groups,
    machines: alone.map((instance) => ({
      ...machineOf(instance),
      project: instance.project,
      name: instance.name,
      zone: instance.zone,
    })),
    exhaustedZones: cloud.limits.exhaustedZones,
    instances: cloud.instances.size,
  };
}

function machineOf(instance: StoredInstance | undefined): Pick<SeenMachine, "status" | "host" | "isSpot"> {
  const host = instance?.host?.preempted ? "PREEMPTED" : instance?.host?.maintenanceEvent;
  return {
    status: instance?.status ?? "",
    ...(host !== undefined && { host }),
    ...(instance && schedulingOf(instance.kept.scheduling).spot && { isSpot: true }),
  };
}
