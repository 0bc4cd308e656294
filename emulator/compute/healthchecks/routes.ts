import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import { aggregatedRoute } from "../aggregated.ts";
import type { Cloud } from "../cloud.ts";
import { checkName, errors } from "../errors.ts";
import { checkScope, REGION_SCOPES } from "../geography.ts";
import { mergePatch } from "../groups/settings.ts";
import { LIST_QUERY, list } from "../listing.ts";
import { type Mutation, mutation, projectOf, read, scopeOf } from "../method.ts";
import { GLOBAL, pathOf, type Ref, scopePath } from "../names.ts";
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

function listed(check: StoredHealthCheck, call: Call) {
  return { name: check.name, created: check.created, json: renderHealthCheck(check, call.origin) };
}

function routesOf(cloud: Cloud, hooks: HealthCheckHooks, service: string, where: string): Route[] {
  const collection = `/compute/v1/projects/{project}/${where}/healthChecks`;
  const one = `${collection}/{healthCheck}`;
  const ref = (call: Call, name = call.params.healthCheck ?? ""): Ref => ({
    project: projectOf(cloud, call),
    scope: scopeOf(call),
    collection: "healthChecks",
    name,
  });
  const existing = (target: Ref): StoredHealthCheck => {
    checkScope(target.project, target.scope);
    const check = cloud.healthChecks.get(pathOf(target));
    if (!check) throw errors.notFound(pathOf(target));
    return check;
  };
  const on = (verb: string, rest: Pick<Mutation, "method" | "path" | "apply"> & Partial<Mutation>): Route =>
    mutation(cloud, {
      id: `compute.${service}.${verb}`,
      operationType: verb,
      permission: `compute.${service}.${verb}`,
      target: (call) => ref(call),
      monitored: (target, id) => ({
        type: "gce_health_check",
        labels: { project_id: target.project, health_check_id: id },
      }),
      idOf: (path) => cloud.healthChecks.get(path)?.id,
      ...rest,
    });
  /** The name and what is not the caller's stay; a check of another type loses what it said in its old one's words. */
  const change = (verb: "patch" | "update", method: "PATCH" | "PUT"): Route =>
    on(verb, {
      method,
      path: one,
      permission: `compute.${service}.update`,
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
      path: collection,
      permission: `compute.${service}.create`,
      body: "HealthCheck",
      coverage: "partly",
      target: (call, body) => ref(call, String(body.name ?? "")),
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
    read(cloud, {
      id: `compute.${service}.get`,
      path: one,
      permission: `compute.${service}.get`,
      resource: (call) => pathOf(ref(call)),
      run: (call) => renderHealthCheck(existing(ref(call)), call.origin),
    }),
    read(cloud, {
      id: `compute.${service}.list`,
      path: collection,
      permission: `compute.${service}.list`,
      query: LIST_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const project = projectOf(cloud, call);
        const scope = scopeOf(call);
        checkScope(project, scope);
        const own = [...cloud.healthChecks.values()].filter(
          (check) => check.project === project && scopePath(check.scope) === scopePath(scope),
        );
        return list(
          call,
          "compute#healthCheckList",
          `projects/${project}/${scopePath(scope)}/healthChecks`,
          own.map((check) => listed(check, call)),
        );
      },
    }),
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
