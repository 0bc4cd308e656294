import { parseFilter } from "../compute/filter.ts";
import { ApiError } from "../frame/errors.ts";
import { type Json, readFields } from "../frame/fields.ts";
import type { Answer, Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route, Service } from "../frame/router.ts";
import { byId, type World } from "../frame/world.ts";
import { monitoringDoor } from "./door.ts";
import { ALERT_POLICY, type Alert, AlertPolicies, type AlertPolicy } from "./policies.ts";
import { type Answered, badQuery, queryResult } from "./values.ts";

const POLICIES = "/v3/projects/{project}/alertPolicies";
const ALERTS = "/v3/projects/{project}/alerts";
const QUERY = "/v1/projects/{project}/location/{location}/prometheus/api/v1/query";

interface Saved {
  values: Answered[];
  policies: AlertPolicy[];
  alerts: Alert[];
}

/**
 * Cloud Monitoring as much as gates ask of it: a PromQL query at one instant, alerts, and alert policies, which are kept and
 * not evaluated. What a query answers and which alerts are open is set by hand at `/emulator/monitoring`.
 */
export function createMonitoring(world: World): Service {
  const policies = new AlertPolicies(world);
  const values = new Map<string, Answered>();

  const projectOf = ({ params }: Call) => byId(world, `projects/${params.project}/`).slice("projects/".length, -1);
  const route = (
    id: string,
    method: Route["method"],
    path: string,
    permission: string,
    run: (call: Call, project: string, principal: string) => Answer,
    coverage: Route["coverage"] = "full",
  ): Route => ({
    id: `monitoring.projects.${id}`,
    method,
    path,
    coverage,
    run: (call) => {
      const project = projectOf(call);
      const principal = world.doors.principal(call.headers);
      if (!world.doors.allowed(principal, `monitoring.${permission}`, `projects/${project}`))
        throw new ApiError(403, `Permission monitoring.${permission} denied (or the resource may not exist).`);
      return run(call, project, principal);
    },
  });

  const query = (call: Call, project: string): Answer => {
    if (call.params.location !== "global")
      throw new ApiError(400, `The location must be "global", and it is "${call.params.location}".`);
    const asked = parametersOf(call);
    const text = asked.get("query") ?? "";
    if (text.trim() === "")
      return {
        status: 400,
        json: badQuery('invalid parameter "query": unknown position: parse error: no expression found in input'),
      };
    const time = instantOf(asked.get("time") ?? "", world.clock.now());
    if (Number.isNaN(time))
      return {
        status: 400,
        json: badQuery(`invalid parameter "time": cannot parse "${asked.get("time")}" to a valid timestamp`),
      };
    return { json: queryResult(values.get(keyOf(project, text)), time) };
  };
  const policyName = (call: Call, project: string) => `projects/${project}/alertPolicies/${call.params.policy}`;

  const routes: Route[] = [
    route("location.prometheus.api.v1.query", "GET", QUERY, "timeSeries.list", query, "partly"),
    route("location.prometheus.api.v1.query", "POST", QUERY, "timeSeries.list", query, "partly"),
    route("alertPolicies.list", "GET", POLICIES, "alertPolicies.list", ({ query: asked }, project) => {
      const all = [...policies.policies.values()].filter(({ name }) => name.startsWith(`projects/${project}/`));
      const chosen = filtered(all, asked.get("filter"), (policy) => policy);
      const { items, nextPageToken } = page(
        chosen.sort((a, b) => (a.name < b.name ? -1 : 1)),
        ({ name }) => name,
        Number(asked.get("pageSize") ?? 0),
        asked.get("pageToken") ?? undefined,
        1000,
      );
      return {
        json: {
          ...(items.length > 0 && { alertPolicies: items }),
          ...(nextPageToken && { nextPageToken }),
          totalSize: chosen.length,
        },
      };
    }),
    route("alertPolicies.create", "POST", POLICIES, "alertPolicies.create", (call, project, principal) => ({
      json: policies.create(project, readFields(ALERT_POLICY, call.json(), world.loose), principal),
    })),
    route("alertPolicies.get", "GET", `${POLICIES}/{policy}`, "alertPolicies.get", (call, project) => ({
      json: policies.get(policyName(call, project)),
    })),
    route("alertPolicies.delete", "DELETE", `${POLICIES}/{policy}`, "alertPolicies.delete", (call, project) => {
      policies.delete(policyName(call, project));
      return { json: {} };
    }),
    route("alerts.list", "GET", ALERTS, "alerts.list", ({ query: asked }, project) => {
      const all = [...policies.alerts.values()].filter(({ name }) => name.startsWith(`projects/${project}/`));
      const chosen = ordered(filtered(all, asked.get("filter"), spelled), asked.get("orderBy") || "open_time desc");
      return { json: alertPage(chosen, asked) };
    }),
    route("alerts.get", "GET", `${ALERTS}/{alert}`, "alerts.get", (call, project) => ({
      json: policies.alert(`projects/${project}/alerts/${call.params.alert}`),
    })),
    ...monitoringDoor(world, policies, values, keyOf),
  ];

  return {
    name: "monitoring",
    errors: "modern",
    routes,
    prefixes: /^\/v3\/projects\/|^\/v1\/projects\/[^/]+\/location\//,
    nameUnknown: (method, path) => nameOf(method, path),
    save: (): Saved => ({
      values: [...values.values()],
      policies: [...policies.policies.values()],
      alerts: [...policies.alerts.values()],
    }),
    load: (state) => {
      const saved = state as Saved;
      for (const answered of saved.values) values.set(keyOf(answered.project, answered.query), answered);
      for (const policy of saved.policies) policies.policies.set(policy.name, policy);
      for (const alert of saved.alerts) policies.alerts.set(alert.name, alert);
    },
  };
}

function keyOf(project: string, query: string): string {
  return `${project}\n${query}`;
}

/** In the query, as a form, or as JSON: clients of Prometheus send forms, Google's send JSON. */
function parametersOf(call: Call): URLSearchParams {
  if (call.method === "GET") return call.query;
  if ((call.headers["content-type"] ?? "").includes("application/x-www-form-urlencoded"))
    return new URLSearchParams(call.bytes.toString("utf8"));
  const body = readFields({ query: "string", time: "string", timeout: "string" }, call.json(), false);
  return new URLSearchParams(Object.entries(body).map(([name, value]): [string, string] => [name, String(value)]));
}

/** Seconds since the epoch, of a floating-point number of them or RFC 3339. */
function instantOf(text: string, now: number): number {
  if (text === "") return now / 1000;
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000;
}

function filtered<T>(all: T[], filter: string | null, fields: (item: T) => unknown): T[] {
  if (!filter) return all;
  const test = (() => {
    try {
      return parseFilter(filter);
    } catch {
      throw new ApiError(400, `Field filter had an invalid value of "${filter}": The filter could not be parsed.`);
    }
  })();
  return all.filter((item) => test(fields(item)));
}

/** The documentation writes the fields in both ways. */
function spelled(alert: Alert): Json {
  const { openTime, closeTime, policy } = alert;
  const more = { display_name: policy.displayName, user_labels: policy.userLabels };
  return { ...alert, open_time: openTime, close_time: closeTime, policy: { ...policy, ...more } };
}

function ordered(alerts: Alert[], order: string): Alert[] {
  const keys = order.split(",").map((part) => {
    const [, field, direction = ""] =
      /^(openTime|open_time|closeTime|close_time)(?: (asc|desc))?$/.exec(part.trim()) ?? [];
    if (!field)
      throw new ApiError(400, `Field orderBy had an invalid value of "${order}": The field is not supported.`);
    const value = (alert: Alert) => (field.startsWith("open") ? alert.openTime : (alert.closeTime ?? ""));
    return { value, sign: direction === "desc" ? -1 : 1 };
  });
  return [...alerts].sort((a, b) => {
    for (const { value, sign } of keys) {
      const [left, right] = [value(a), value(b)];
      if (left !== right) return left < right ? -sign : sign;
    }
    return a.name < b.name ? -1 : 1;
  });
}

/** 50 at a time unless more is asked for, 1,000 at the most. */
function alertPage(alerts: Alert[], asked: URLSearchParams): Json {
  const size = Number(asked.get("pageSize") ?? 0);
  const token = asked.get("pageToken");
  const first = token ? Number(Buffer.from(token, "base64url").toString()) : 0;
  if (!Number.isInteger(first) || first < 0) throw new ApiError(400, "Field pageToken had an invalid value.");
  const end = first + Math.min(size > 0 ? size : 50, 1000);
  const items = alerts.slice(first, end);
  return {
    ...(items.length > 0 && { alerts: items }),
    ...(end < alerts.length && { nextPageToken: Buffer.from(String(end)).toString("base64url") }),
    totalSize: alerts.length,
  };
}

/** `GET /v3/projects/p/timeSeries` is `monitoring.projects.timeSeries.list`. */
function nameOf(method: string, path: string): string {
  const prometheus = /\/prometheus\/api\/v1\/(.+)$/.exec(path)?.[1];
  if (prometheus !== undefined)
    return `monitoring.projects.location.prometheus.api.v1.${prometheus.split("/").slice(0, 2).join(".")}`;
  const [collection = "", one] = path.replace(/^\/v3\/projects\/[^/]+\//, "").split("/");
  const [name = "", verb] = collection.split(":");
  const verbs: Record<string, string> = {
    GET: one === undefined ? "list" : "get",
    POST: "create",
    PATCH: "patch",
    DELETE: "delete",
  };
  return `monitoring.projects.${name}.${verb ?? verbs[method] ?? method}`;
}
