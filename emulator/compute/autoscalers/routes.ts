import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import { aggregatedRoute } from "../aggregated.ts";
import type { Cloud } from "../cloud.ts";
import { collection, locationOf } from "../collection.ts";
import { checkName, errors } from "../errors.ts";
import { checkScope, REGION_SCOPES, ZONE_SCOPES } from "../geography.ts";
import { mergePatch } from "../groups/settings.ts";
import { hasStatefulConfig } from "../groups/stateful.ts";
import { parseRef, pathOf, type Ref, scopePath } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import { renderAutoscaler, renderPolicy, type StoredAutoscaler } from "./model.ts";
import { parseAutoscalingPolicy } from "./policy.ts";
import type { Scaler } from "./scaler.ts";

/** The autoscaler of a group, if it has one. */
export function autoscalerOf(cloud: Cloud, group: string): [path: string, autoscaler: StoredAutoscaler] | undefined {
  for (const entry of cloud.autoscalers) if (entry[1].target === group) return entry;
  return undefined;
}

/** @param where `zones/{zone}` or `regions/{region}`. */
export function autoscalerRoutes(cloud: Cloud, scaler: Scaler, where: string): Route[] {
  const regional = where.startsWith("regions");
  const scalers = collection<StoredAutoscaler>(cloud, {
    service: regional ? "regionAutoscalers" : "autoscalers",
    permissions: "autoscalers",
    where,
    name: "autoscalers",
    param: "autoscaler",
    kind: regional ? "compute#regionAutoscalerList" : "compute#autoscalerList",
    stored: cloud.autoscalers,
    render: renderAutoscaler,
    monitored: (target, id) => ({
      type: "gce_autoscaler",
      labels: { project_id: target.project, location: locationOf(target), autoscaler_id: id },
    }),
  });
  const { path, one, on, ref, existing } = scalers;
  /** Patch and update name the autoscaler in the query, or in the body alone. */
  const named = (call: Call, body: Json) => ref(call, call.query.get("autoscaler") || String(body.name ?? ""));
  const change = (target: Ref, body: Json, policy: (old: StoredAutoscaler) => unknown) => {
    if (target.name === "") throw errors.required("autoscaler");
    const autoscaler = existing(target);
    const group = body.target === undefined ? autoscaler.target : targetOf(cloud, body, target);
    if (group !== autoscaler.target)
      throw errors.value("resource.target", body.target, "The target of an autoscaler cannot be changed.");
    autoscaler.policy = parseAutoscalingPolicy(policy(autoscaler));
    if (typeof body.description === "string") autoscaler.description = body.description;
    scaler.watch(autoscaler, cloud.timings.operation);
    return { targetId: autoscaler.id };
  };
  return [
    on("insert", {
      method: "POST",
      path,
      body: "Autoscaler",
      coverage: "partly",
      also: (body, target) => groupPermission(cloud, body, target),
      apply: (body, target) => {
        const autoscaler = insert(cloud, body, target);
        scaler.watch(autoscaler, cloud.timings.operation);
        return { targetId: autoscaler.id };
      },
    }),
    on("patch", {
      method: "PATCH",
      path,
      body: "Autoscaler",
      query: ["autoscaler"],
      coverage: "partly",
      target: named,
      apply: (body, target) =>
        change(target, body, ({ policy }) => mergePatch(renderPolicy(policy), body.autoscalingPolicy ?? {})),
    }),
    on("update", {
      method: "PUT",
      path,
      body: "Autoscaler",
      query: ["autoscaler"],
      coverage: "partly",
      target: named,
      apply: (body, target) => change(target, body, () => body.autoscalingPolicy),
    }),
    on("delete", {
      method: "DELETE",
      path: one,
      apply: (_body, target) => {
        const { id } = existing(target);
        cloud.autoscalers.delete(pathOf(target));
        return { targetId: id };
      },
    }),
    scalers.get(),
    scalers.list(),
  ];
}

function groupPermission(cloud: Cloud, body: Json, target: Ref) {
  const group = parseRef(cloud.world, String(body.target ?? ""), target.project);
  return group ? [{ permission: "compute.instanceGroupManagers.use", resource: pathOf(group) }] : [];
}

/** Path of the group that a body names; it must exist, in the same zone or region. */
function targetOf(cloud: Cloud, body: Json, { project, scope }: Ref): string {
  if (!body.target) throw errors.required("resource.target");
  const text = String(body.target);
  const group = parseRef(cloud.world, text, project);
  if (group?.collection !== "instanceGroupManagers")
    throw errors.value("resource.target", text, "The URL is malformed.");
  if (scopePath(group.scope) !== scopePath(scope) || group.project !== project)
    throw errors.value(
      "resource.target",
      text,
      "The autoscaler and the managed instance group must be in the same zone or region.",
    );
  if (!cloud.groups.has(pathOf(group))) throw errors.notFound(pathOf(group));
  return pathOf(group);
}

function insert(cloud: Cloud, body: Json, target: Ref): StoredAutoscaler {
  const name = checkName(body.name);
  checkScope(target.project, target.scope);
  if (cloud.autoscalers.has(pathOf(target))) throw errors.exists(pathOf(target));
  const path = targetOf(cloud, body, target);
  const group = cloud.groups.get(path);
  if (group?.deleting) throw errors.notReady(path);
  const other = autoscalerOf(cloud, path);
  if (other) throw errors.inUse("instance_group_manager", path, other[0]);
  if (group && hasStatefulConfig(group))
    throw errors.value(
      "resource.target",
      body.target,
      "Autoscaling cannot be used with a managed instance group that has stateful configuration.",
    );
  const autoscaler: StoredAutoscaler = {
    project: target.project,
    scope: target.scope,
    id: cloud.world.ids.numeric(),
    name,
    ...(typeof body.description === "string" && { description: body.description }),
    created: cloud.world.clock.now(),
    target: path,
    policy: parseAutoscalingPolicy(isObject(body.autoscalingPolicy) ? body.autoscalingPolicy : undefined),
    status: "PENDING",
    details: [],
    asked: [],
    given: [],
  };
  cloud.autoscalers.set(pathOf(target), autoscaler);
  return autoscaler;
}

export function aggregatedAutoscalers(cloud: Cloud): Route {
  return aggregatedRoute(cloud, {
    collection: "autoscalers",
    kind: "compute#autoscalerAggregatedList",
    scopes: [...ZONE_SCOPES, ...REGION_SCOPES],
    all: () => cloud.autoscalers.values(),
    render: renderAutoscaler,
  });
}
