import { createHash } from "node:crypto";
import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import { pacific } from "../../frame/time.ts";
import { aggregatedRoute } from "../aggregated.ts";
import { endpoints } from "../backends/model.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { sameFingerprint } from "../fingerprint.ts";
import { checkScope, REGION_SCOPES, ZONE_SCOPES } from "../geography.ts";
import { LIST_QUERY, list } from "../listing.ts";
import { mutation, projectOf, read, scopeOf } from "../method.ts";
import { link, pathOf, scopePath } from "../names.ts";
import { checkBody, type Json } from "../schema/check.ts";
import { type Kind, listedGroups } from "./kinds.ts";
import { groupPath, memberPath, type StoredGroup } from "./model.ts";
import { parseNamedPorts } from "./namedports.ts";
import { location } from "./settings.ts";

/** The plain instance group that every managed one has beside it. */
function render(cloud: Cloud, group: StoredGroup, origin: string): Json {
  const { scope } = group;
  return {
    kind: "compute#instanceGroup",
    id: String(BigInt(group.id) + 1n),
    creationTimestamp: pacific(group.created),
    name: group.name,
    description: `This instance group is controlled by Instance Group Manager '${group.name}'. To modify instances in this group, use the Instance Group Manager API: https://cloud.google.com/compute/docs/reference/latest/instanceGroupManagers`,
    network: link(origin, `projects/${group.project}/global/networks/default`),
    fingerprint: fingerprintOf(group),
    ...(scope.kind !== "global" && { [scope.kind]: link(origin, location(group)) }),
    ...(group.namedPorts && { namedPorts: group.namedPorts }),
    selfLink: link(origin, groupPath(group).replace("instanceGroupManagers", "instanceGroups")),
    size: endpoints(cloud, group).length,
  };
}

/** Named ports are all that changes of the plain group, so they are its fingerprint. */
function fingerprintOf({ id, namedPorts = [] }: StoredGroup): string {
  return createHash("sha256")
    .update(JSON.stringify([id, namedPorts]))
    .digest()
    .subarray(0, 8)
    .toString("base64");
}

export function instanceGroupRoutes(cloud: Cloud, kind: Kind): Route[] {
  const service = kind.service.replace("GroupManagers", "Groups");
  const collection = `/compute/v1/projects/{project}/${kind.where}/instanceGroups`;
  const one = `${collection}/{instanceGroup}`;
  const path = (call: Call) => `projects/${projectOf(cloud, call)}/${scopePath(scopeOf(call))}/instanceGroups`;
  const group = (call: Call): StoredGroup => {
    checkScope(projectOf(cloud, call), scopeOf(call));
    const at = `${path(call)}/${call.params.instanceGroup}`;
    const found = cloud.groups.get(at.replace("instanceGroups", "instanceGroupManagers"));
    if (!found) throw errors.notFound(at);
    return found;
  };
  return [
    read(cloud, {
      id: `compute.${service}.get`,
      path: one,
      permission: "compute.instanceGroups.get",
      resource: path,
      run: (call) => render(cloud, group(call), call.origin),
    }),
    read(cloud, {
      id: `compute.${service}.list`,
      path: collection,
      permission: "compute.instanceGroups.list",
      query: LIST_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        checkScope(projectOf(cloud, call), scopeOf(call));
        const items = listedGroups(cloud, projectOf(cloud, call), scopeOf(call)).map((g) => ({
          name: g.name,
          created: g.created,
          json: render(cloud, g, call.origin),
        }));
        return list(call, kind.listKind.replace("Manager", ""), path(call), items);
      },
    }),
    mutation(cloud, {
      id: `compute.${service}.setNamedPorts`,
      operationType: "setNamedPorts",
      method: "POST",
      path: `${one}/setNamedPorts`,
      permission: "compute.instanceGroups.update",
      body: kind.service.startsWith("region")
        ? "RegionInstanceGroupsSetNamedPortsRequest"
        : "InstanceGroupsSetNamedPortsRequest",
      target: (call) => ({
        project: projectOf(cloud, call),
        scope: scopeOf(call),
        collection: "instanceGroups",
        name: call.params.instanceGroup ?? "",
      }),
      monitored: (target, id) => ({
        type: "gce_instance_group",
        labels: {
          project_id: target.project,
          instance_group_id: id,
          instance_group_name: target.name,
          location: target.scope.kind === "global" ? "global" : target.scope.name,
        },
      }),
      idOf: () => undefined,
      apply: (body, target) => {
        checkScope(target.project, target.scope);
        const owner = cloud.groups.get(pathOf({ ...target, collection: "instanceGroupManagers" }));
        if (!owner) throw errors.notFound(pathOf(target));
        const given = body.fingerprint ?? undefined;
        if (given !== undefined && !sameFingerprint(given, fingerprintOf(owner))) throw errors.fingerprint();
        const ports = parseNamedPorts(body.namedPorts, "namedPorts");
        if (ports) owner.namedPorts = ports;
        else delete owner.namedPorts;
        return { targetId: String(BigInt(owner.id) + 1n) };
      },
    }),
    read(cloud, {
      id: `compute.${service}.listInstances`,
      method: "POST",
      path: `${one}/listInstances`,
      permission: "compute.instanceGroups.list",
      query: LIST_QUERY,
      resource: path,
      run: (call) => {
        const owner = group(call);
        const body = call.json<Json>();
        checkBody(
          kind.service === "instanceGroupManagers"
            ? "InstanceGroupsListInstancesRequest"
            : "RegionInstanceGroupsListInstancesRequest",
          body,
          cloud.world.loose,
        );
        const running = body.instanceState === "RUNNING";
        const named = (owner.namedPorts ?? []).filter(({ name }) => !body.portName || name === body.portName);
        const items = endpoints(cloud, owner).flatMap(({ member, instance: { status } }) => {
          if (running && status !== "RUNNING") return [];
          const json = {
            instance: link(call.origin, memberPath(owner, member)),
            status,
            ...(named.length > 0 && { namedPorts: named }),
          };
          return [{ name: member.name, created: member.createdAt, json }];
        });
        return list(call, "compute#instanceGroupsListInstances", `${path(call)}/${owner.name}`, items);
      },
    }),
  ];
}

export function aggregatedInstanceGroups(cloud: Cloud): Route {
  return aggregatedRoute(cloud, {
    collection: "instanceGroups",
    kind: "compute#instanceGroupAggregatedList",
    scopes: [...ZONE_SCOPES, ...REGION_SCOPES],
    all: () => cloud.groups.values(),
    render: (group, origin) => render(cloud, group, origin),
  });
}
