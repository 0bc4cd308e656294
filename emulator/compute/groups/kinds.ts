import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { checkScope, ZONES } from "../geography.ts";
import { type Mutation, mutation, projectOf, scopeOf } from "../method.ts";
import { pathOf, type Ref, regionOf, type Scope } from "../names.ts";
import { groupPath, type StoredGroup } from "./model.ts";

/** One API for groups: zonal or regional. They differ in paths, names of messages, and the zones of a group. */
export interface Kind {
  /** `instanceGroupManagers` or `regionInstanceGroupManagers`. */
  service: string;
  /** `zones/{zone}` or `regions/{region}`. */
  where: string;
  listKind: string;
  /** Message of a method's body, by verb. */
  message(verb: string): string;
  /** Zones in which a group made there has its machines. */
  zones(scope: Scope): string[];
}

export const ZONAL: Kind = {
  service: "instanceGroupManagers",
  where: "zones/{zone}",
  listKind: "compute#instanceGroupManagerList",
  message: (verb) =>
    verb === "applyUpdatesToInstances"
      ? "InstanceGroupManagersApplyUpdatesRequest"
      : `InstanceGroupManagers${verb.charAt(0).toUpperCase()}${verb.slice(1)}Request`,
  zones: (scope) => (scope.kind === "zone" ? [scope.name] : []),
};

/** The regional API names its messages a little differently. https://docs.cloud.google.com/compute/docs/reference/rest/v1/regionInstanceGroupManagers */
const REGIONAL_MESSAGES: Record<string, string> = {
  setInstanceTemplate: "SetTemplate",
  recreateInstances: "Recreate",
  applyUpdatesToInstances: "ApplyUpdates",
};

export const REGIONAL: Kind = {
  service: "regionInstanceGroupManagers",
  where: "regions/{region}",
  listKind: "compute#regionInstanceGroupManagerList",
  message: (verb) =>
    `RegionInstanceGroupManagers${REGIONAL_MESSAGES[verb] ?? `${verb.charAt(0).toUpperCase()}${verb.slice(1)}`}Request`,
  // Without a choice of the caller's, three zones of the region.
  zones: (scope) => (scope.kind === "region" ? ZONES.filter((zone) => regionOf(zone) === scope.name).slice(0, 3) : []),
};

export function collectionOf(kind: Kind): string {
  return `/compute/v1/projects/{project}/${kind.where}/instanceGroupManagers`;
}

export const ONE = "/{instanceGroupManager}";

export function refOf(cloud: Cloud, call: Call, name: string): Ref {
  return { project: projectOf(cloud, call), scope: scopeOf(call), collection: "instanceGroupManagers", name };
}

export function groupAt(cloud: Cloud, target: Ref): StoredGroup {
  checkScope(target.project, target.scope);
  const group = cloud.groups.get(pathOf(target));
  if (!group) throw errors.notFound(pathOf(target));
  return group;
}

/** The group a call changes. One that is being deleted cannot be changed any more, nor deleted again. */
export function groupToChange(cloud: Cloud, target: Ref): StoredGroup {
  const group = groupAt(cloud, target);
  if (group.deleting) throw errors.notReady(pathOf(target));
  return group;
}

type Rest = Pick<Mutation, "method" | "apply"> &
  Partial<Pick<Mutation, "body" | "query" | "repeatable" | "coverage" | "permission" | "target">>;

/** A mutating method of a group, e.g. `resize`; `rest` is its path below the group. */
export function groupMutation(cloud: Cloud, kind: Kind, verb: string, path: string, rest: Rest): Route {
  return mutation(cloud, {
    id: `compute.${kind.service}.${verb}`,
    operationType: `compute.${kind.service}.${verb}`,
    path: `${collectionOf(kind)}${path}`,
    permission: "compute.instanceGroupManagers.update",
    target: (call) => refOf(cloud, call, call.params.instanceGroupManager ?? ""),
    monitored: (target, id) => ({
      type: "gce_instance_group_manager",
      labels: {
        project_id: target.project,
        instance_group_manager_id: id,
        instance_group_manager_name: target.name,
        location: target.scope.kind === "global" ? "global" : target.scope.name,
      },
    }),
    idOf: (at) => cloud.groups.get(at)?.id,
    ...rest,
  });
}

export function listedGroups(cloud: Cloud, project: string, scope?: Scope): StoredGroup[] {
  return [...cloud.groups.values()].filter(
    (group) =>
      group.project === project &&
      (!scope || groupPath({ ...group, name: "" }) === groupPath({ project, scope, name: "" })),
  );
}
