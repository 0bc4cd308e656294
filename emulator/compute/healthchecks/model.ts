import { pacific } from "../../frame/time.ts";
import type { HealthProbe, ProbeType } from "../../machines/machines.ts";
import { link, pathOf, type Scope, scopePath } from "../names.ts";
import type { Json } from "../schema/check.ts";

export interface NamedPort {
  name: string;
  port: number;
}

/** What a check of one protocol says, with its defaults filled in. */
export interface Details {
  portSpecification?: "USE_FIXED_PORT" | "USE_NAMED_PORT" | "USE_SERVING_PORT";
  port?: number;
  portName?: string;
  proxyHeader?: string;
  requestPath?: string;
  host?: string;
  request?: string;
  response?: string;
  grpcServiceName?: string;
}

export interface StoredHealthCheck {
  project: string;
  scope: Scope;
  id: string;
  name: string;
  description?: string;
  created: number;
  type: ProbeType;
  checkIntervalSec: number;
  timeoutSec: number;
  healthyThreshold: number;
  unhealthyThreshold: number;
  details: Details;
  logged?: boolean;
}

/** The field of a check in which the words of its protocol stand. */
export const DETAILS_OF = {
  HTTP: "httpHealthCheck",
  HTTPS: "httpsHealthCheck",
  HTTP2: "http2HealthCheck",
  TCP: "tcpHealthCheck",
  SSL: "sslHealthCheck",
  GRPC: "grpcHealthCheck",
  GRPC_WITH_TLS: "grpcTlsHealthCheck",
} as const satisfies Record<ProbeType, string>;

export function healthCheckPath({ project, scope, name }: Pick<StoredHealthCheck, "project" | "scope" | "name">) {
  return pathOf({ project, scope, collection: "healthChecks", name });
}

/**
 * What to ask a machine of a group; undefined when the port goes by a name that the group does not know.
 * @param serving the backend service's port name, where a backend service asks.
 */
export function probeOf(check: StoredHealthCheck, named: NamedPort[] = [], serving?: string): HealthProbe | undefined {
  const { details } = check;
  const by = { USE_FIXED_PORT: undefined, USE_NAMED_PORT: details.portName, USE_SERVING_PORT: serving };
  const fixed = (details.portSpecification ?? "USE_FIXED_PORT") === "USE_FIXED_PORT";
  const wanted = by[details.portSpecification ?? "USE_FIXED_PORT"];
  const port = fixed ? details.port : named.find(({ name }) => name === wanted)?.port;
  if (port === undefined) return undefined;
  const { requestPath = "/", host, request, response, grpcServiceName } = details;
  return {
    type: check.type,
    port,
    requestPath,
    timeoutMs: check.timeoutSec * 1000,
    check: check.name,
    ...(host !== undefined && host !== "" && { host }),
    ...(request !== undefined && request !== "" && { request }),
    ...(response !== undefined && response !== "" && { response }),
    ...(details.proxyHeader === "PROXY_V1" && { proxyHeader: true }),
    ...(grpcServiceName !== undefined && { grpcService: grpcServiceName }),
  };
}

/** What the caller decided, in the form of a body. */
export function settingsOf(check: StoredHealthCheck): Json {
  return {
    name: check.name,
    ...(check.description !== undefined && { description: check.description }),
    checkIntervalSec: check.checkIntervalSec,
    timeoutSec: check.timeoutSec,
    unhealthyThreshold: check.unhealthyThreshold,
    healthyThreshold: check.healthyThreshold,
    type: check.type,
    [DETAILS_OF[check.type]]: check.details,
    ...(check.logged !== undefined && { logConfig: { enable: check.logged } }),
  };
}

export function renderHealthCheck(check: StoredHealthCheck, origin: string): Json {
  const { project, scope } = check;
  return {
    kind: "compute#healthCheck",
    id: check.id,
    creationTimestamp: pacific(check.created),
    ...settingsOf(check),
    ...(scope.kind === "region" && { region: link(origin, `projects/${project}/${scopePath(scope)}`) }),
    selfLink: link(origin, healthCheckPath(check)),
  };
}
