import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { isEmpty } from "../groups/settings.ts";
import { parseRef, pathOf, type Ref, scopePath } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import { parseBackends } from "./members.ts";
import type { StoredBackendService } from "./model.ts";

/** Real fields whose meaning is not emulated. Empty ones pass: clients send them. */
const ABSENT = [
  ...["enableCDN", "iap", "securityPolicy", "edgeSecurityPolicy", "securitySettings", "serviceBindings", "params"],
  ...["serviceLbPolicy", "haPolicy", "tlsSettings", "customMetrics", "dynamicForwarding", "orchestrationInfo"],
  ...["networkPassThroughLbTrafficPolicy", "allowMultinetwork", "usedBy"],
];

/** Not settings, or settings with a place of their own. */
const OWN = new Set([
  ...["kind", "id", "creationTimestamp", "selfLink", "selfLinkWithId", "region", "name", "fingerprint"],
  ...["backends", "healthChecks", "connectionDraining", "portName", "enableCDN", "iap"],
]);

/**
 * Protocols by load balancing scheme, of global and of regional backend services; the first is the default.
 * https://docs.cloud.google.com/load-balancing/docs/backend-service#protocol_to_backends
 */
const PROTOCOLS: Record<"global" | "region", Record<string, string[]>> = {
  global: {
    EXTERNAL: ["HTTP", "HTTPS", "HTTP2", "TCP", "SSL"],
    EXTERNAL_MANAGED: ["HTTP", "HTTPS", "HTTP2", "H2C", "TCP", "SSL"],
    INTERNAL_MANAGED: ["HTTP", "HTTPS", "HTTP2", "H2C", "TCP"],
    INTERNAL_SELF_MANAGED: ["HTTP", "HTTPS", "HTTP2", "GRPC", "TCP"],
  },
  region: {
    EXTERNAL: ["TCP", "UDP", "UNSPECIFIED"],
    INTERNAL: ["TCP", "UDP", "UNSPECIFIED"],
    EXTERNAL_MANAGED: ["HTTP", "HTTPS", "HTTP2", "H2C", "TCP"],
    INTERNAL_MANAGED: ["HTTP", "HTTPS", "HTTP2", "H2C", "TCP"],
  },
};

const AFFINITIES = [
  ...["NONE", "CLIENT_IP", "CLIENT_IP_PORT_PROTO", "CLIENT_IP_PROTO", "CLIENT_IP_NO_DESTINATION"],
  ...["GENERATED_COOKIE", "HEADER_FIELD", "HTTP_COOKIE", "STRONG_COOKIE_AFFINITY"],
];

/** What passes connections on as they are; everything else is a proxy and has ports with names. */
export function isPassthrough(scheme: string, regional: boolean): boolean {
  return regional && (scheme === "INTERNAL" || scheme === "EXTERNAL");
}

type Settings = Pick<StoredBackendService, "backends" | "drainingTimeoutSec" | "settings"> &
  Partial<Pick<StoredBackendService, "healthCheck" | "portName">>;

/**
 * Reads everything a caller decides about a backend service, defaults filled in. Nothing here balances load: what only a
 * load balancer would act on is checked and kept.
 * https://docs.cloud.google.com/compute/docs/reference/rest/v1/backendServices
 */
export function parseService(cloud: Cloud, body: Json, target: Ref): Settings {
  for (const field of ABSENT) if (!isEmpty(body[field])) throw errors.notEmulated(`backendServices with ${field}`);
  const regional = target.scope.kind === "region";
  const one = (field: string, fallback: string, choices: string[]): string => {
    const value = String(body[field] || fallback);
    if (!choices.includes(value))
      throw errors.value(`resource.${field}`, value, `Must be one of [${choices.join(", ")}].`);
    return value;
  };
  const schemes = PROTOCOLS[regional ? "region" : "global"];
  const scheme = one("loadBalancingScheme", "EXTERNAL", Object.keys(schemes));
  const protocols = schemes[scheme] ?? [];
  const protocol = one("protocol", protocols[0] ?? "HTTP", protocols);
  const passthrough = isPassthrough(scheme, regional);
  if (passthrough && body.portName)
    throw errors.value(
      "resource.portName",
      body.portName,
      `Port name cannot be specified for ${scheme} backend service.`,
    );
  const number = (field: string, value: unknown, fallback: number, from: number, to: number): number => {
    const given = Number(value ?? fallback);
    if (!Number.isInteger(given) || given < from || given > to)
      throw errors.value(`resource.${field}`, given, `Must be between ${from} and ${to}, inclusive.`);
    return given;
  };
  const { drainingTimeoutSec } = isObject(body.connectionDraining) ? body.connectionDraining : {};
  const healthCheck = parseHealthChecks(cloud, body.healthChecks, target);
  const place = { ...target, scheme, protocol, passthrough };
  const backends = parseBackends(cloud, body.backends, place);
  if (backends.length > 0 && healthCheck === undefined)
    throw errors.value("resource.healthChecks", "", "A health check is required for instance group backends.");
  const rest = Object.entries(body).filter(
    ([key, value]) => !OWN.has(key) && !ABSENT.includes(key) && value !== null && value !== undefined,
  );
  return {
    backends,
    ...(healthCheck !== undefined && { healthCheck }),
    drainingTimeoutSec: number("connectionDraining.drainingTimeoutSec", drainingTimeoutSec, 0, 0, 3600),
    ...(!passthrough && { portName: String(body.portName || defaultPortName(protocol)) }),
    settings: {
      ...Object.fromEntries(rest),
      affinityCookieTtlSec: number("affinityCookieTtlSec", body.affinityCookieTtlSec, 0, 0, 1_209_600),
      ...(!passthrough && { enableCDN: false, port: number("port", body.port, 80, 1, 65_535) }),
      loadBalancingScheme: scheme,
      protocol,
      sessionAffinity: one("sessionAffinity", "NONE", AFFINITIES),
      timeoutSec: number("timeoutSec", body.timeoutSec, 30, 1, 2_147_483_647),
    },
  };
}

function defaultPortName(protocol: string): string {
  return protocol === "H2C" || protocol === "GRPC" ? "http" : protocol.toLowerCase();
}

/** One at the most; a global backend service takes a global one, a regional one that or one of its own region. */
function parseHealthChecks(cloud: Cloud, value: unknown, target: Ref): string | undefined {
  const texts = Array.isArray(value) ? value.map(String) : [];
  if (texts.length > 1)
    throw errors.value("resource.healthChecks", texts.length, "At most one health check can be specified.");
  const [text] = texts;
  if (text === undefined) return undefined;
  const at = "resource.healthChecks[0]";
  const ref = parseRef(cloud.world, text, target.project);
  if (ref && /^https?HealthChecks$/i.test(ref.collection))
    throw errors.notEmulated("backendServices with legacy checks");
  if (ref?.collection !== "healthChecks") throw errors.value(at, text, "The URL is malformed.");
  if (ref.scope.kind !== "global" && scopePath(ref.scope) !== scopePath(target.scope))
    throw errors.value(at, text, "The health check must be global or in the region of the backend service.");
  if (!cloud.healthChecks.has(pathOf(ref))) throw errors.notFound(pathOf(ref));
  return pathOf(ref);
}
