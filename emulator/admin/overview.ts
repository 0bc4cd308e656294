import type { Cloud } from "../compute/cloud.ts";
import { instanceOf } from "../compute/groups/goal.ts";
import { lastOf } from "../compute/names.ts";

interface SeenGroup {
  project: string;
  where: string;
  name: string;
  targetSize: number;
  type: string;
  /** Templates by short name, those that the group wants first. */
  templates: string[];
  members: SeenMember[];
}

interface SeenMember {
  name: string;
  zone: string;
  template: string;
  action: string;
  status: string;
  health: string;
}

/** Every group with its machines, small enough to be asked for often. */
export function overview(cloud: Cloud): { groups: SeenGroup[]; exhaustedZones: string[]; instances: number } {
  const groups = [...cloud.groups.values()].map((group): SeenGroup => {
    const members = [...group.members.values()].map((member): SeenMember => {
      return {
        name: member.name,
        zone: member.zone,
        template: lastOf(member.template),
        action: member.action,
        status: instanceOf(cloud, group, member)?.status ?? "",
        health: group.healing?.healthCheck === undefined ? "" : member.health,
      };
    });
    const wanted = group.versions.map((version) => lastOf(version.template));
    return {
      project: group.project,
      where: group.scope.kind === "global" ? "global" : group.scope.name,
      name: group.name,
      targetSize: group.targetSize,
      type: group.policy.type,
      templates: [...new Set([...wanted, ...members.map(({ template }) => template)])],
      members: members.sort((a, b) => (a.name < b.name ? -1 : 1)),
    };
  });
  return { groups, exhaustedZones: cloud.limits.exhaustedZones, instances: cloud.instances.size };
}
