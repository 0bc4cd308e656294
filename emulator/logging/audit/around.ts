import { ApiError, RPC_CODES } from "../../frame/errors.ts";
import type { Outcome } from "../../frame/faults/faults.ts";
import { methodOf, resourceOf } from "../../frame/faults/grpc.ts";
import type { GrpcAround } from "../../frame/grpcaround.ts";
import type { Answer, Call } from "../../frame/http.ts";
import type { Around, Match } from "../../frame/router.ts";
import { byId, type World } from "../../frame/world.ts";
import { type AuditedMethod, auditedMethod } from "./methods.ts";
import { plainJson } from "./plain.ts";
import { type AuditedCall, type Ending, writeActivity } from "./write.ts";

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);

/** Audits what changes something over REST; `around` runs the call, faults and all. */
export function auditedCalls(world: World, around: Around): Around {
  return async (match, call, run) => {
    const method = match.route.method === "GET" ? undefined : auditedMethod(match.route.id);
    if (!method) return around(match, call, run);
    // What a fault answers instead of the service is not the service's doing, and stands in no log of its own.
    return around(match, call, async () => {
      let about: AuditedCall | undefined;
      try {
        about = restCall(world, method, match, call);
      } catch {
        // A caller that nobody knows, or a body that is none: refused before anything is audited.
      }
      if (!about) return run();
      try {
        const answer = await run();
        writeActivity(world, about, endingOf(answer));
        return answer;
      } catch (problem) {
        if (problem instanceof ApiError && problem.code < 500) writeActivity(world, about, refusal(problem));
        throw problem;
      }
    });
  };
}

/** The same over gRPC. */
export function auditedGrpc(world: World, around: GrpcAround): GrpcAround {
  return async <T extends Outcome>(
    call: Parameters<GrpcAround>[0],
    run: () => Promise<T> | T,
  ): Promise<T | Outcome> => {
    const method = auditedMethod(methodOf(call.path, resourceOf(call.request)));
    if (!method) return around(call, run);
    const request = plainJson(call.request);
    const audited = async () => {
      const outcome = await run();
      const parts = (outcome as { parts?: unknown[] }).parts ?? [];
      const name = created(resourceOf(call.request), method, request);
      const about = aboutOf(world, method, name, call.headers, request);
      writeActivity(world, about, grpcEnding(parts));
      return outcome;
    };
    return around(call, audited);
  };
}

function grpcEnding([problem, response]: unknown[]): Ending {
  if (isObject(problem))
    return { code: Number(problem.code ?? 2), message: String(problem.details ?? problem.message) };
  return isObject(response) ? { response: plainJson(response) } : {};
}

function endingOf({ status = 200, json }: Answer): Ending {
  const body = isObject(json) ? json : {};
  if (status < 400) return { response: plainJson(body) };
  const error: Json = isObject(body.error) ? body.error : {};
  return refusal(new ApiError(status, String(error.message ?? "")));
}

function refusal(problem: ApiError): Ending {
  return { code: RPC_CODES[problem.status], message: problem.message };
}

function restCall(world: World, method: AuditedMethod, { params }: Match, call: Omit<Call, "params">): AuditedCall {
  if (method.service === "storage.googleapis.com") {
    const bucket = params.bucket ?? (call.bytes.length > 0 ? String(call.json<Json>().name ?? "") : "");
    const project = byId(world, `projects/${params.project ?? world.project}/`).slice(0, -1);
    const name = method.collection === "hmacKeys" ? project : `projects/_/buckets/${bucket}`;
    return { ...aboutOf(world, method, name, call.headers, {}), project: project.slice("projects/".length) };
  }
  const path = decodeURIComponent(call.path)
    .replace(/^\/v\d\w*\//, "")
    .replace(/:[a-zA-Z]+$/, "");
  const body = plainJson(call.json<Json>());
  const query = Object.fromEntries([...call.query].filter(([key]) => !key.startsWith("$") && key !== "alt"));
  const own = path.endsWith(`/${method.collection}`)
    ? { parent: path.slice(0, path.lastIndexOf("/")) }
    : { name: path };
  const request = { ...own, ...query, ...body };
  return aboutOf(world, method, created(path, method, { ...query, ...body }), call.headers, request);
}

/** What is being made has no name in the path yet: its id stands beside it, or its name in the body. */
function created(path: string, method: AuditedMethod, given: Json): string {
  const noun = method.collection.slice(0, -1);
  const inner: Json = isObject(given[noun]) ? (given[noun] as Json) : given;
  const full = String(inner.name ?? "");
  const id = given[`${noun}Id`] ?? given[`${noun}_id`] ?? full.slice(full.lastIndexOf("/") + 1);
  if (path.endsWith(`/${method.collection}`)) return id ? `${path}/${String(id)}` : path;
  return path.includes(`/${method.collection}/`) || !id ? path : `${path}/${method.collection}/${String(id)}`;
}

function aboutOf(
  world: World,
  method: AuditedMethod,
  name: string,
  headers: Record<string, string>,
  request: Json,
): AuditedCall {
  const full = byId(world, name);
  const project = /^projects\/([^/]+)/.exec(full)?.[1];
  const userAgent = headers["user-agent"];
  return {
    method,
    name: full,
    project: project === undefined || project === "_" ? world.project : project,
    principal: world.doors.principal(headers),
    ...(userAgent && { userAgent }),
    request,
  };
}
