import type { Route } from "../../frame/router.ts";
import { aggregatedRoute } from "../aggregated.ts";
import { autoscalerOf } from "../autoscalers/routes.ts";
import { servicePath, servicesOf } from "../backends/model.ts";
import type { Cloud } from "../cloud.ts";
import { checkName, errors } from "../errors.ts";
import { sameFingerprint } from "../fingerprint.ts";
import { checkScope, REGION_SCOPES, ZONE_SCOPES } from "../geography.ts";
import { LIST_QUERY, list, pageSize } from "../listing.ts";
import { projectOf, read, scopeOf } from "../method.ts";
import { pathOf, type Ref, scopePath } from "../names.ts";
import type { Json } from "../schema/check.ts";
import { checkZonesKept, parseDistribution, redistributed } from "./distribution.ts";
import type { Engine } from "./engine.ts";
import { collectionOf, groupAt, groupMutation, groupToChange, type Kind, listedGroups, ONE, refOf } from "./kinds.ts";
import { groupPath, type StoredGroup } from "./model.ts";
import { renderError, renderGroup, renderMember } from "./render.ts";
import { checkConfigs, checkStateful } from "./rules.ts";
import { checkDevices, checkSize, findTemplate, parseSettings, patched } from "./settings.ts";

/** Applies settings that were read in full; the old ones stay when reading threw. */
function change(
  cloud: Cloud,
  engine: Engine,
  group: StoredGroup,
  settings: Partial<StoredGroup>,
): { targetId: string } {
  if (!("healing" in settings)) delete group.healing;
  if (!("namedPorts" in settings)) delete group.namedPorts;
  if (!("description" in settings)) delete group.description;
  if (!("allInstances" in settings)) delete group.allInstances;
  if (!("stateful" in settings)) delete group.stateful;
  Object.assign(group, settings);
  group.fingerprint = cloud.world.ids.fingerprint();
  engine.changed(group);
  return { targetId: group.id };
}

export function groupRoutes(cloud: Cloud, engine: Engine, kind: Kind): Route[] {
  const touched = (group: StoredGroup) => {
    group.fingerprint = cloud.world.ids.fingerprint();
    engine.changed(group);
    return { targetId: group.id };
  };
  return [
    groupMutation(cloud, kind, "insert", "", {
      method: "POST",
      body: "InstanceGroupManager",
      coverage: "partly",
      permission: "compute.instanceGroupManagers.create",
      target: (call) => refOf(cloud, call, String(call.json<Json>().name ?? "")),
      apply: (body, target) => {
        const group = insertGroup(cloud, kind, body, target);
        engine.changed(group);
        return { targetId: group.id };
      },
    }),
    groupMutation(cloud, kind, "patch", ONE, {
      method: "PATCH",
      body: "InstanceGroupManager",
      coverage: "partly",
      apply: (body, target) => {
        const group = groupToChange(cloud, target);
        if (body.fingerprint !== undefined && !sameFingerprint(body.fingerprint, group.fingerprint))
          throw errors.fingerprint();
        if (body.name !== undefined && body.name !== group.name)
          throw errors.value("resource.name", body.name, "The name of a managed instance group cannot be changed.");
        const spread = parseDistribution(body, group, group);
        checkZonesKept(group, spread);
        const changed = { ...patched(cloud, group, body), ...spread };
        const settings = { ...changed, policy: redistributed(changed.policy, spread.shape, body.updatePolicy) };
        checkConfigs(group.configs, settings.allInstances);
        checkStateful(cloud, { ...group, ...settings, stateful: settings.stateful });
        return change(cloud, engine, group, settings);
      },
    }),
    groupMutation(cloud, kind, "delete", ONE, {
      method: "DELETE",
      permission: "compute.instanceGroupManagers.delete",
      apply: (_body, target) => {
        const group = groupToChange(cloud, target);
        const user = autoscalerOf(cloud, groupPath(group));
        if (user) throw errors.inUse("instance_group_manager", groupPath(group), user[0]);
        const [service] = servicesOf(cloud, group);
        if (service) throw errors.inUse("instance_group_manager", groupPath(group), servicePath(service));
        return { targetId: group.id, until: (end) => engine.remove(group, () => end()) };
      },
    }),
    groupMutation(cloud, kind, "resize", `${ONE}/resize`, {
      method: "POST",
      query: ["size"],
      apply: (_body, target, call) => {
        const group = groupToChange(cloud, target);
        const size = call.query.get("size");
        if (size === null || size === "") throw errors.required("size");
        if (!/^-?\d+$/.test(size)) throw errors.value("size", size, "Must be an integer.");
        checkSize(Number(size), "size");
        group.targetSize = Number(size);
        return touched(group);
      },
    }),
    groupMutation(cloud, kind, "setInstanceTemplate", `${ONE}/setInstanceTemplate`, {
      method: "POST",
      body: kind.message("setInstanceTemplate"),
      apply: (body, target) => {
        const group = groupToChange(cloud, target);
        const text = String(body.instanceTemplate ?? "");
        const versions = [{ template: findTemplate(cloud, text, group.project, "instanceTemplate") }];
        if (group.stateful) checkDevices(cloud, group.stateful, versions);
        group.versions = versions;
        return touched(group);
      },
    }),
    ...reads(cloud, kind),
  ];
}

function insertGroup(cloud: Cloud, kind: Kind, body: Json, target: Ref): StoredGroup {
  const { ids, clock } = cloud.world;
  const name = checkName(body.name);
  checkScope(target.project, target.scope);
  const path = pathOf(target);
  if (cloud.groups.has(path)) throw errors.exists(path);
  const spread = parseDistribution(body, target, { zones: kind.zones(target.scope) });
  const place = { project: target.project, scope: target.scope, ...spread, name };
  const settings = parseSettings(cloud, body, place);
  const group: StoredGroup = {
    ...place,
    ...settings,
    policy: redistributed(settings.policy, spread.shape, body.updatePolicy),
    id: ids.numeric(),
    created: clock.now(),
    fingerprint: ids.fingerprint(),
    members: new Map(),
    errors: [],
    configs: new Map(),
  };
  checkStateful(cloud, group);
  cloud.groups.set(path, group);
  return group;
}

function reads(cloud: Cloud, kind: Kind): Route[] {
  const collection = collectionOf(kind);
  const group = (call: Parameters<typeof scopeOf>[0]) =>
    groupAt(cloud, refOf(cloud, call, call.params.instanceGroupManager ?? ""));
  const named = (call: Parameters<typeof scopeOf>[0]) =>
    pathOf(refOf(cloud, call, call.params.instanceGroupManager ?? ""));
  return [
    read(cloud, {
      id: `compute.${kind.service}.list`,
      path: collection,
      permission: "compute.instanceGroupManagers.list",
      query: LIST_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const project = projectOf(cloud, call);
        const scope = scopeOf(call);
        checkScope(project, scope);
        const items = listedGroups(cloud, project, scope).map((g) => ({
          name: g.name,
          created: g.created,
          json: renderGroup(cloud, g, call.origin),
        }));
        return list(call, kind.listKind, `projects/${project}/${scopePath(scope)}/instanceGroupManagers`, items);
      },
    }),
    read(cloud, {
      id: `compute.${kind.service}.get`,
      path: `${collection}${ONE}`,
      permission: "compute.instanceGroupManagers.get",
      resource: named,
      run: (call) => renderGroup(cloud, group(call), call.origin),
    }),
    read(cloud, {
      id: `compute.${kind.service}.listManagedInstances`,
      method: "POST",
      path: `${collection}${ONE}/listManagedInstances`,
      permission: "compute.instanceGroupManagers.get",
      query: LIST_QUERY,
      resource: named,
      run: (call) => {
        const owner = group(call);
        const members = [...owner.members.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
        const all = members.map((member) => ({
          name: member.name,
          created: member.createdAt,
          json: renderMember(cloud, owner, member, call.origin),
        }));
        if (owner.listResults === "PAGINATED") {
          const { items, nextPageToken } = list(call, "", "", all);
          return {
            ...(items !== undefined && { managedInstances: items }),
            ...(nextPageToken !== undefined && { nextPageToken }),
          };
        }
        // Pageless, the default: page size, token and filter are ignored.
        return all.length > 0 ? { managedInstances: all.map(({ json }) => json) } : {};
      },
    }),
    read(cloud, {
      id: `compute.${kind.service}.listErrors`,
      path: `${collection}${ONE}/listErrors`,
      permission: "compute.instanceGroupManagers.get",
      query: LIST_QUERY,
      resource: named,
      run: (call) => {
        const { errors: kept } = group(call);
        const size = pageSize(call.query.get("maxResults"));
        const token = call.query.get("pageToken") || "0";
        if (!/^\d+$/.test(token)) throw errors.value("pageToken", token, "The page token is invalid.");
        const from = Number(token);
        const newestFirst = [...kept].reverse().slice(from, from + size);
        return {
          ...(newestFirst.length > 0 && { items: newestFirst.map((error) => renderError(error, call.origin)) }),
          ...(from + size < kept.length && { nextPageToken: String(from + size) }),
        };
      },
    }),
  ];
}

export function aggregatedGroups(cloud: Cloud): Route {
  return aggregatedRoute(cloud, {
    collection: "instanceGroupManagers",
    kind: "compute#instanceGroupManagerAggregatedList",
    scopes: [...ZONE_SCOPES, ...REGION_SCOPES],
    all: () => cloud.groups.values(),
    render: (group, origin) => renderGroup(cloud, group, origin),
  });
}
