import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { ApiError, RPC_CODES } from "../frame/errors.ts";
import { durationSeconds, type Shape } from "../frame/fields.ts";
import type { World } from "../frame/world.ts";

/** https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget */
export interface HttpTarget {
  uri: string;
  httpMethod: string;
  headers?: Record<string, string>;
  /** base64 */
  body?: string;
  oauthToken?: { serviceAccountEmail?: string; scope?: string };
  oidcToken?: { serviceAccountEmail?: string; audience?: string };
}

export const HTTP_TARGET: Shape = {
  uri: "string",
  // Google's clients send its number over REST.
  httpMethod: "json",
  headers: "map",
  body: "bytes",
  oauthToken: { one: { serviceAccountEmail: "string", scope: "string" } },
  oidcToken: { one: { serviceAccountEmail: "string", audience: "string" } },
};

/** In the order of their numbers, from 1. */
const METHODS = ["POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"];
const UNSPECIFIED = "HTTP_METHOD_UNSPECIFIED";
const WITH_BODY = ["POST", "PUT", "PATCH"];
/** What the service sets itself, or keeps for itself, whatever a job says. */
const OWN_HEADERS = /^(host|content-length|user-agent|x-google-.*|x-appengine-.*|x-cloudscheduler.*)$/i;

/** Seconds between which an attempt's deadline must lie, and what it is when nothing is said. */
const DEADLINE = { least: 15, most: 1800, usual: "180s" };

/** Throws 400 for a target that cannot be called. */
export function checkHttpTarget(given: Partial<HttpTarget>): HttpTarget {
  const { uri = "", oauthToken, oidcToken } = given;
  const method = String(given.httpMethod ?? UNSPECIFIED);
  const named = [UNSPECIFIED, ...METHODS][/^\d+$/.test(method) ? Number(method) : -1] ?? method;
  const httpMethod = named === UNSPECIFIED ? "POST" : named;
  if (!/^https?:\/\/[^/]/.test(uri) || !URL.canParse(uri) || uri.length > 2083)
    throw new ApiError(400, `HttpTarget.uri ${JSON.stringify(uri)} must be a valid http:// or https:// URL.`);
  if (!METHODS.includes(httpMethod))
    throw new ApiError(400, `Invalid value at 'job.http_target.http_method', ${method}`);
  if (given.body && !WITH_BODY.includes(httpMethod))
    throw new ApiError(400, `HttpTarget.body is not allowed with the method ${httpMethod}.`);
  if (oauthToken && oidcToken)
    throw new ApiError(400, "HttpTarget can have an oauth_token or an oidc_token, not both.");
  return { ...given, uri, httpMethod };
}

export function checkDeadline(given: string | undefined): string {
  const deadline = given ?? DEADLINE.usual;
  const seconds = durationSeconds(deadline);
  if (seconds < DEADLINE.least || seconds > DEADLINE.most)
    throw new ApiError(400, `Job.attempt_deadline must be between ${DEADLINE.least}s and ${DEADLINE.most}s.`);
  return deadline;
}

export interface Attempted {
  /** google.rpc.Code; 0 when the endpoint answered 2xx. */
  code: number;
  message?: string;
}

/** Codes of google.rpc.Code for what an endpoint answers; the mapping that google/rpc/code.proto names. */
const CODE_OF_HTTP: Record<number, keyof typeof RPC_CODES> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ABORTED",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  500: "INTERNAL",
  501: "UNIMPLEMENTED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** Nothing leaves this machine: addresses elsewhere may be configured, and are never reached. */
function onLoopback({ hostname }: URL): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127(\.\d+){3}$/.test(hostname)
  );
}

function authorization(world: World, { uri, oauthToken, oidcToken }: HttpTarget): Record<string, string> {
  if (oidcToken) {
    const { serviceAccountEmail: email = "", audience = uri } = oidcToken;
    const claims = { aud: audience, azp: email, sub: email, email, email_verified: true };
    return { authorization: `Bearer ${world.doors.identityToken(claims)}` };
  }
  if (!oauthToken) return {};
  return { authorization: `Bearer ${world.doors.accessToken(oauthToken.serviceAccountEmail ?? "").token}` };
}

/** Calls the target once. Never rejects. The deadline is real time, whatever the emulator's clock does. */
export function attemptHttp(
  world: World,
  target: HttpTarget,
  about: { job: string; scheduleTime: string; deadline: string; stop: AbortSignal },
): Promise<Attempted> {
  const url = new URL(target.uri);
  if (!onLoopback(url))
    return Promise.resolve({ code: RPC_CODES.UNAVAILABLE, message: `${url.host} is not on this machine` });
  const body = Buffer.from(target.body ?? "", "base64");
  const own = Object.entries(target.headers ?? {}).filter(([name]) => !OWN_HEADERS.test(name));
  const headers = {
    ...(body.length > 0 && { "content-type": "application/octet-stream" }),
    ...Object.fromEntries(own.map(([name, value]) => [name.toLowerCase(), value])),
    ...authorization(world, target),
    "content-length": String(body.length),
    "user-agent": "Google-Cloud-Scheduler",
    "x-cloudscheduler": "true",
    "x-cloudscheduler-jobname": about.job,
    "x-cloudscheduler-scheduletime": about.scheduleTime,
  };
  const signal = AbortSignal.any([about.stop, AbortSignal.timeout(durationSeconds(about.deadline) * 1000)]);
  return new Promise((resolve) => {
    const open = url.protocol === "https:" ? requestHttps : requestHttp;
    const sent = open(url, { method: target.httpMethod, headers, signal }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) resolve({ code: RPC_CODES.OK });
      else resolve({ code: RPC_CODES[CODE_OF_HTTP[status] ?? "UNKNOWN"], message: `HTTP ${status}` });
    });
    sent.on("error", ({ name, message }) =>
      resolve({ code: name === "TimeoutError" ? RPC_CODES.DEADLINE_EXCEEDED : RPC_CODES.UNAVAILABLE, message }),
    );
    sent.end(body);
  });
}
