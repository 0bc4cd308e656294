import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { Audited, Monitored, Permission } from "./audit.ts";
import type { Cloud } from "./cloud.ts";
import { errors } from "./errors.ts";
import { pathOf, projectId, type Ref, type Scope } from "./names.ts";
import { type Failure, Operations, renderOperation } from "./operations.ts";
import { auditForm, checkBody, type Json } from "./schema/check.ts";

/** What a mutating method did, and when its operation ends. */
export interface Change {
  targetId: string;
  /** Milliseconds until the operation is DONE; default is the usual time. */
  ms?: number;
  /** Runs when the operation ends; what it returns fails the operation. */
  finish?(): Failure | undefined;
  /** For what ends by itself: called with the function that ends the operation. Replaces `ms` and `finish`. */
  until?(end: (failure?: Failure) => void): void;
}

export interface Mutation {
  id: string;
  method: Route["method"];
  path: string;
  permission: string;
  /** What a body asks for beside that. */
  also?(body: Json, target: Ref): Permission[];
  /** Name of the body's message; none when the method takes no body. */
  body?: string;
  /** Query parameters beside the standard ones. */
  query?: string[];
  /** Whether the method takes a `requestId`; most do. */
  repeatable?: boolean;
  coverage?: "full" | "partly";
  /** Default is the method's id, as recorded for groups; images and instances use the bare verb. */
  operationType: string;
  target(call: Call, body: Json): Ref;
  monitored(target: Ref, id: string): Monitored;
  /** Where the target's id can be found when the call is rejected. */
  idOf(path: string): string | undefined;
  /** Location of what is not in a zone or region; default `global`. */
  locations?(target: Ref, body: Json): string[];
  apply(body: Json, target: Ref, call: Call, principal: string): Change;
}

const STANDARD = new Set([
  ...["alt", "$alt", "key", "fields", "prettyPrint", "$prettyPrint", "quotaUser", "userIp", "access_token"],
  ...["oauth_token", "callback", "$.xgafv", "uploadType", "upload_protocol", "trace"],
]);

export function checkQuery(cloud: Cloud, call: Call, known: string[]): void {
  if (cloud.world.loose) return;
  for (const name of call.query.keys())
    if (!STANDARD.has(name) && !known.includes(name))
      throw new ApiError(
        400,
        `Invalid JSON payload received. Unknown name "${name}": Cannot bind query parameter. Field '${name}' could not be found in request message.`,
        { reason: "badRequest" },
      );
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function requestId(call: Call): string | undefined {
  const id = call.query.get("requestId");
  if (!id) return undefined;
  if (!UUID.test(id) || /^[0-]+$/.test(id))
    throw errors.value("requestId", id, "The request ID must be a valid UUID that is not zero.");
  return id;
}

export function projectOf(cloud: Cloud, call: Call): string {
  return projectId(cloud.world, call.params.project ?? "");
}

/** `zones/{zone}` or `regions/{region}` of the call's path, or global. */
export function scopeOf(call: Call): Scope {
  if (call.params.zone !== undefined) return { kind: "zone", name: call.params.zone };
  if (call.params.region !== undefined) return { kind: "region", name: call.params.region };
  return { kind: "global" };
}

/** One route of a method that changes something: permission, body, repeats, operation and audit entries. */
export function mutation(cloud: Cloud, spec: Mutation): Route {
  const query = [...(spec.query ?? []), ...(spec.repeatable === false ? [] : ["requestId"])];
  const run = (call: Call): Answer => {
    const { world, audit, operations } = cloud;
    const body = spec.body === undefined ? {} : call.json<Json>();
    const target = spec.target(call, body);
    const path = pathOf(target);
    const principal = world.doors.principal(call.headers);
    const permissions: Permission[] = [{ permission: spec.permission }, ...(spec.also?.(body, target) ?? [])];
    const audited = (id: string): Audited => ({
      project: target.project,
      method: spec.id,
      resource: spec.monitored(target, id),
      path,
      principal,
      callerIp: "127.0.0.1",
      ...(call.headers["user-agent"] && { userAgent: call.headers["user-agent"] }),
      permissions,
      request: {
        ...(spec.body && auditForm(spec.body, body)),
        ...Object.fromEntries(
          query.flatMap((name) => {
            const value = call.query.get(name);
            return value === null ? [] : [[name, value]];
          }),
        ),
      },
      locations: target.scope.kind === "global" ? (spec.locations?.(target, body) ?? ["global"]) : [target.scope.name],
    });
    try {
      for (const { permission, resource = path } of permissions)
        if (!world.doors.allowed(principal, permission, resource)) throw errors.forbidden(permission, resource);
      checkQuery(cloud, call, query);
      if (spec.body) checkBody(spec.body, body, world.loose);
      const asked = requestId(call);
      const memory = `${spec.id} ${target.project} ${asked}`;
      const repeated = asked && operations.all.get(operations.requests.get(memory) ?? "");
      if (repeated) return { json: renderOperation(repeated, call.origin) };
      const change = spec.apply(body, target, call, principal);
      const operation = operations.start({
        project: target.project,
        scope: target.scope,
        type: spec.operationType,
        target: path,
        targetId: change.targetId,
        user: principal,
        ...(asked && { clientOperationId: asked }),
      });
      if (asked) operations.requests.set(memory, Operations.key(operation));
      const entry = audited(change.targetId);
      audit.first(entry, operation);
      world.changed();
      const answer = renderOperation(operation, call.origin);
      const end = (failure?: Failure) => {
        operations.end(operation, failure);
        audit.last(entry, operation, failure);
      };
      if (change.until) change.until(end);
      else world.clock.after(change.ms ?? cloud.timings.operation, () => end(change.finish?.()));
      return { json: answer };
    } catch (problem) {
      if (problem instanceof ApiError && problem.code < 500) audit.rejected(audited(spec.idOf(path) ?? ""), problem);
      throw problem;
    }
  };
  return { id: spec.id, method: spec.method, path: spec.path, run, ...(spec.coverage && { coverage: spec.coverage }) };
}

export interface Read {
  id: string;
  method?: Route["method"];
  path: string;
  permission: string;
  query?: string[];
  coverage?: "full" | "partly";
  /** What the permission is asked for, `projects/P/…`. */
  resource(call: Call): string;
  run(call: Call): Promise<unknown> | unknown;
}

/** One route of a method that only reads; its answer is the JSON that `run` returns. */
export function read(cloud: Cloud, spec: Read): Route {
  return {
    id: spec.id,
    method: spec.method ?? "GET",
    path: spec.path,
    ...(spec.coverage && { coverage: spec.coverage }),
    run: async (call) => {
      const principal = cloud.world.doors.principal(call.headers);
      const path = spec.resource(call);
      if (!cloud.world.doors.allowed(principal, spec.permission, path)) throw errors.forbidden(spec.permission, path);
      checkQuery(cloud, call, spec.query ?? []);
      return { json: await spec.run(call) };
    },
  };
}
