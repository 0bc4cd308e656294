import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import { pacific } from "../frame/time.ts";
import type { HealthProbe } from "../machines/machines.ts";
import type { Cloud } from "./cloud.ts";
import { checkName, errors } from "./errors.ts";
import { LIST_QUERY, list } from "./listing.ts";
import { mutation, projectOf, read } from "./method.ts";
import { GLOBAL, link, pathOf, type Ref } from "./names.ts";
import type { Json } from "./schema/check.ts";

export interface StoredHealthCheck {
  project: string;
  id: string;
  name: string;
  description?: string;
  created: number;
  type: "HTTP" | "TCP";
  checkIntervalSec: number;
  timeoutSec: number;
  healthyThreshold: number;
  unhealthyThreshold: number;
  /** `httpHealthCheck` or `tcpHealthCheck` with its defaults filled in. */
  details: { port: number; requestPath?: string; proxyHeader: string; [other: string]: unknown };
}

const KINDS = { HTTP: "httpHealthCheck", TCP: "tcpHealthCheck" } as const;

export function probeOf(check: StoredHealthCheck): HealthProbe {
  const { port, requestPath = "/" } = check.details;
  return { type: check.type, port, requestPath, timeoutMs: check.timeoutSec * 1000 };
}

export function renderHealthCheck(check: StoredHealthCheck, origin: string): Json {
  return {
    kind: "compute#healthCheck",
    id: check.id,
    creationTimestamp: pacific(check.created),
    name: check.name,
    ...(check.description !== undefined && { description: check.description }),
    checkIntervalSec: check.checkIntervalSec,
    timeoutSec: check.timeoutSec,
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
    type: check.type,
    [KINDS[check.type]]: check.details,
    selfLink: link(origin, `projects/${check.project}/global/healthChecks/${check.name}`),
  };
}

function parse(cloud: Cloud, body: Json, project: string): StoredHealthCheck {
  const name = checkName(body.name);
  const { type } = body;
  if (type !== "HTTP" && type !== "TCP") {
    if (["HTTPS", "HTTP2", "SSL", "GRPC", "GRPC_WITH_TLS"].includes(String(type)))
      throw errors.notEmulated(`healthChecks.insert of type ${type}`);
    throw errors.value("resource.type", type, "Must be one of [HTTP, HTTPS, HTTP2, SSL, TCP, GRPC].");
  }
  const given = (body[KINDS[type]] ?? {}) as Json;
  for (const field of ["request", "response"])
    if (given[field]) throw errors.notEmulated(`healthChecks.insert with ${KINDS[type]}.${field}`);
  const portSpecification = given.portSpecification ?? "USE_FIXED_PORT";
  if (portSpecification !== "USE_FIXED_PORT")
    throw errors.notEmulated(`healthChecks.insert with portSpecification ${portSpecification}`);
  const within = (field: string, fallback: number, min: number, max: number): number => {
    const value = Number(body[field] ?? fallback);
    if (value < min || value > max)
      throw errors.value(`resource.${field}`, value, `Must be between ${min} and ${max}, inclusive.`);
    return value;
  };
  const check: StoredHealthCheck = {
    project,
    id: cloud.world.ids.numeric(),
    name,
    ...(typeof body.description === "string" && { description: body.description }),
    created: cloud.world.clock.now(),
    type,
    checkIntervalSec: within("checkIntervalSec", 5, 1, 300),
    timeoutSec: within("timeoutSec", 5, 1, 300),
    healthyThreshold: within("healthyThreshold", 2, 1, 10),
    unhealthyThreshold: within("unhealthyThreshold", 2, 1, 10),
    details: {
      proxyHeader: "NONE",
      ...(type === "HTTP" && { requestPath: "/" }),
      ...given,
      port: Number(given.port ?? 80),
    },
  };
  if (check.timeoutSec > check.checkIntervalSec)
    throw errors.value("resource.timeoutSec", check.timeoutSec, "Timeout must not be longer than the check interval.");
  return check;
}

export function healthCheckRoutes(cloud: Cloud): Route[] {
  const collection = "/compute/v1/projects/{project}/global/healthChecks";
  const ref = (call: Call, name: string): Ref => ({
    project: projectOf(cloud, call),
    scope: GLOBAL,
    collection: "healthChecks",
    name,
  });
  const existing = (target: Ref): StoredHealthCheck => {
    const check = cloud.healthChecks.get(pathOf(target));
    if (!check) throw errors.notFound(pathOf(target));
    return check;
  };
  const common = {
    monitored: (target: Ref, id: string) => ({
      type: "gce_health_check",
      labels: { project_id: target.project, health_check_id: id },
    }),
    idOf: (path: string) => cloud.healthChecks.get(path)?.id,
  };
  return [
    mutation(cloud, {
      ...common,
      id: "compute.healthChecks.insert",
      operationType: "insert",
      method: "POST",
      path: collection,
      permission: "compute.healthChecks.create",
      body: "HealthCheck",
      coverage: "partly",
      target: (call, body) => ref(call, String(body.name ?? "")),
      apply: (body, target) => {
        const check = parse(cloud, body, target.project);
        if (cloud.healthChecks.has(pathOf(target))) throw errors.exists(pathOf(target));
        cloud.healthChecks.set(pathOf(target), check);
        return { targetId: check.id };
      },
    }),
    mutation(cloud, {
      ...common,
      id: "compute.healthChecks.delete",
      operationType: "delete",
      method: "DELETE",
      path: `${collection}/{healthCheck}`,
      permission: "compute.healthChecks.delete",
      target: (call) => ref(call, call.params.healthCheck ?? ""),
      apply: (_body, target) => {
        const check = existing(target);
        for (const [user, group] of cloud.groups)
          if (group.healing?.healthCheck === pathOf(target)) throw errors.inUse("health_check", pathOf(target), user);
        cloud.healthChecks.delete(pathOf(target));
        return { targetId: check.id };
      },
    }),
    read(cloud, {
      id: "compute.healthChecks.get",
      path: `${collection}/{healthCheck}`,
      permission: "compute.healthChecks.get",
      resource: (call) => pathOf(ref(call, call.params.healthCheck ?? "")),
      run: (call) => renderHealthCheck(existing(ref(call, call.params.healthCheck ?? "")), call.origin),
    }),
    read(cloud, {
      id: "compute.healthChecks.list",
      path: collection,
      permission: "compute.healthChecks.list",
      query: LIST_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const project = projectOf(cloud, call);
        const own = [...cloud.healthChecks.values()].filter((check) => check.project === project);
        const items = own.map((check) => ({
          name: check.name,
          created: check.created,
          json: renderHealthCheck(check, call.origin),
        }));
        return list(call, "compute#healthCheckList", `projects/${project}/global/healthChecks`, items);
      },
    }),
  ];
}
