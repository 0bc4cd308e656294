import type { ProbeType } from "../../machines/machines.ts";
import { errors, NAME } from "../errors.ts";
import { isObject, type Json } from "../schema/check.ts";
import { DETAILS_OF, type Details, type StoredHealthCheck } from "./model.ts";

/** Ports that are meant when a check names none. GRPC has none. */
const PORTS: Partial<Record<ProbeType, number>> = { HTTP: 80, HTTPS: 443, HTTP2: 443, TCP: 80, SSL: 443 };

/** Longest text that is sent or expected, in bytes. */
const LONGEST = 1024;

export type Settings = Omit<StoredHealthCheck, "project" | "scope" | "id" | "name" | "created">;

/**
 * Reads what a caller decides about a health check, defaults filled in.
 * https://docs.cloud.google.com/compute/docs/reference/rest/v1/healthChecks
 */
export function parseHealthCheck(body: Json): Settings {
  const type = typeOf(body);
  if (Array.isArray(body.sourceRegions) && body.sourceRegions.length > 0)
    throw errors.notEmulated("healthChecks with sourceRegions");
  const within = (field: string, fallback: number, max: number): number => {
    const value = Number(body[field] ?? fallback);
    if (value < 1 || value > max)
      throw errors.value(`resource.${field}`, value, `Must be between 1 and ${max}, inclusive.`);
    return value;
  };
  const settings: Settings = {
    type,
    ...(typeof body.description === "string" && { description: body.description }),
    checkIntervalSec: within("checkIntervalSec", 5, 300),
    timeoutSec: within("timeoutSec", 5, 300),
    healthyThreshold: within("healthyThreshold", 2, 10),
    unhealthyThreshold: within("unhealthyThreshold", 2, 10),
    details: parseDetails(type, isObject(body[DETAILS_OF[type]]) ? (body[DETAILS_OF[type]] as Json) : {}),
    ...(isObject(body.logConfig) && { logged: body.logConfig.enable === true }),
  };
  if (settings.timeoutSec > settings.checkIntervalSec)
    throw errors.value(
      "resource.timeoutSec",
      settings.timeoutSec,
      "Timeout must not be longer than the check interval.",
    );
  return settings;
}

function isType(value: unknown): value is ProbeType {
  return typeof value === "string" && Object.hasOwn(DETAILS_OF, value);
}

/** Exactly one protocol's field may be there, the one that the type names. */
function typeOf(body: Json): ProbeType {
  const { type } = body;
  if (!isType(type))
    throw errors.value("resource.type", type, "Must be one of [HTTP, HTTPS, HTTP2, SSL, TCP, GRPC, GRPC_WITH_TLS].");
  for (const [other, field] of Object.entries(DETAILS_OF))
    if (other !== type && isObject(body[field]))
      throw errors.value(`resource.${field}`, body[field], `It must not be set for a health check of type ${type}.`);
  return type;
}

function parseDetails(type: ProbeType, given: Json): Details {
  const at = (field: string) => `resource.${DETAILS_OF[type]}.${field}`;
  const text = (field: "requestPath" | "host" | "request" | "response" | "grpcServiceName" | "portName") => {
    const value = given[field];
    if (typeof value !== "string" || value === "") return {};
    if (Buffer.byteLength(value) > LONGEST)
      throw errors.value(at(field), value, `Must be at most ${LONGEST} characters long.`);
    if ([...value].some((letter) => letter.charCodeAt(0) > 127))
      throw errors.value(at(field), value, "Must contain only ASCII characters.");
    return { [field]: value };
  };
  const proxyHeader = String(given.proxyHeader ?? "NONE");
  if (proxyHeader !== "NONE" && proxyHeader !== "PROXY_V1")
    throw errors.value(at("proxyHeader"), proxyHeader, "Must be one of [NONE, PROXY_V1].");
  const web = type === "HTTP" || type === "HTTPS" || type === "HTTP2";
  const grpc = type === "GRPC" || type === "GRPC_WITH_TLS";
  const path = String(given.requestPath || "/");
  if (web && !path.startsWith("/")) throw errors.value(at("requestPath"), path, "The path must begin with '/'.");
  return {
    ...(!grpc && { proxyHeader }),
    ...(web && { requestPath: "/", ...text("requestPath"), ...text("host") }),
    ...(type === "TCP" || type === "SSL" ? text("request") : {}),
    ...(!grpc && text("response")),
    ...(grpc && text("grpcServiceName")),
    ...parsePort(type, given, at),
  };
}

/** A port by number, by its name in the group, or the one the backend service serves on. */
function parsePort(type: ProbeType, given: Json, at: (field: string) => string): Details {
  const named = typeof given.portName === "string" && given.portName !== "" ? given.portName : undefined;
  const number = given.port === undefined || given.port === null ? undefined : Number(given.port);
  if (number !== undefined && (number < 1 || number > 65_535))
    throw errors.value(at("port"), number, "Must be between 1 and 65535, inclusive.");
  if (named !== undefined && !NAME.test(named))
    throw errors.value(at("portName"), named, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'");
  const stated = given.portSpecification ?? undefined;
  if (stated === "USE_SERVING_PORT") {
    const wrong = number !== undefined ? "port" : named !== undefined ? "portName" : undefined;
    if (wrong) throw errors.value(at(wrong), given[wrong], "It must not be set with USE_SERVING_PORT.");
    return { portSpecification: stated };
  }
  if (stated === "USE_NAMED_PORT" || (stated === undefined && named !== undefined && number === undefined)) {
    if (named === undefined) throw errors.required(at("portName"));
    if (number !== undefined) throw errors.value(at("port"), number, "It must not be set with USE_NAMED_PORT.");
    return { portSpecification: "USE_NAMED_PORT", portName: named };
  }
  if (stated !== undefined && stated !== "USE_FIXED_PORT")
    throw errors.value(
      at("portSpecification"),
      stated,
      "Must be one of [USE_FIXED_PORT, USE_NAMED_PORT, USE_SERVING_PORT].",
    );
  const port = number ?? PORTS[type];
  if (port === undefined) throw errors.required(at("port"));
  // A name beside a number is kept and not used.
  return {
    port,
    ...(named !== undefined && { portName: named }),
    ...(stated !== undefined && { portSpecification: stated }),
  };
}
