import type { Route } from "../../frame/router.ts";
import { aggregatedRoute } from "../aggregated.ts";
import type { Cloud } from "../cloud.ts";
import { collection } from "../collection.ts";
import { checkName, errors } from "../errors.ts";
import { checkScope, REGION_SCOPES } from "../geography.ts";
import { mergePatch } from "../groups/settings.ts";
import { GLOBAL, pathOf, type Ref } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import { DETAILS_OF, healthCheckPath, renderHealthCheck, type StoredHealthCheck, settingsOf } from "./model.ts";
import { parseHealthCheck } from "./parse.ts";

export interface HealthCheckHooks {
  /** Path of whatever uses the check, if anything does. */
  userOf(path: string): string | undefined;
  /** Called after a check was changed. */
  changed(path: string): void;
}

export function healthCheckRoutes(cloud: Cloud, hooks: HealthCheckHooks): Route[] {
  return [
    ...routesOf(cloud, hooks, "healthChecks", "global"),
    ...routesOf(cloud, hooks, "regionHealthChecks", "regions/{region}"),
    aggregatedHealthChecks(cloud),
  ];
}

function routesOf(cloud: Cloud, hooks: HealthCheckHooks, service: string, where: string): Route[] {
  const checks = collection<StoredHealthCheck>(cloud, {
    service,
    where,
    name: "healthChecks",
    param: "healthCheck",
    kind: "compute#healthCheckList",
    stored: cloud.healthChecks,
    render: renderHealthCheck,
    monitored: (target, id) => ({
      type: "gce_health_check",
      labels: { project_id: target.project, health_check_id: id },
    }),
  });
  const { path, one, on, existing } = checks;
  /** The name and what is not the caller's stay; a check of another type loses what it said in its old one's words. */
  const change = (verb: "patch" | "update", method: "PATCH" | "PUT"): Route =>
    on(verb, {
      method,
      path: one,
      body: "HealthCheck",
      coverage: "partly",
      apply: (body, target) => {
        const check = existing(target);
        if (body.name !== undefined && body.name !== check.name)
          throw errors.value("resource.name", body.name, "The name of a health check cannot be changed.");
        const base = settingsOf(check);
        if (body.type !== undefined && body.type !== check.type) delete base[DETAILS_OF[check.type]];
        const merged = verb === "patch" ? mergePatch(base, body) : body;
        const settings = parseHealthCheck(isObject(merged) ? merged : {});
        const { project, scope, id, name, created } = check;
        cloud.healthChecks.set(pathOf(target), { project, scope, id, name, created, ...settings });
        hooks.changed(pathOf(target));
        return { targetId: id };
      },
    });
  return [
    on("insert", {
      method: "POST",
      path,
      body: "HealthCheck",
      coverage: "partly",
      apply: (body, target) => insert(cloud, body, target),
    }),
    change("patch", "PATCH"),
    change("update", "PUT"),
    on("delete", {
      method: "DELETE",
      path: one,
      apply: (_body, target) => {
        const check = existing(target);
        const user = hooks.userOf(pathOf(target));
        if (user !== undefined) throw errors.inUse("health_check", pathOf(target), user);
        cloud.healthChecks.delete(pathOf(target));
        return { targetId: check.id };
      },
    }),
    checks.get(),
    checks.list(),
  ];
}

function insert(cloud: Cloud, body: Json, target: Ref): { targetId: string } {
  const { ids, clock } = cloud.world;
  checkScope(target.project, target.scope);
  const name = checkName(body.name);
  const { project, scope } = target;
  const settings = parseHealthCheck(body);
  if (cloud.healthChecks.has(pathOf(target))) throw errors.exists(pathOf(target));
  const check = { project, scope, id: ids.numeric(), name, created: clock.now(), ...settings };
  cloud.healthChecks.set(healthCheckPath(check), check);
  return { targetId: check.id };
}

function aggregatedHealthChecks(cloud: Cloud): Route {
  return aggregatedRoute(cloud, {
    collection: "healthChecks",
    kind: "compute#healthChecksAggregatedList",
    scopes: [GLOBAL, ...REGION_SCOPES],
    all: () => cloud.healthChecks.values(),
    render: renderHealthCheck,
  });
}
