import { ApiError } from "../../frame/errors.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { parseRef, pathOf, type Ref, regionOf } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import { managedGroup, type StoredBackend, servicePath } from "./model.ts";

/** The backend service that backends are read for. */
interface Place extends Ref {
  scheme: string;
  protocol: string;
  passthrough: boolean;
}

const RATES = ["maxRate", "maxRatePerInstance"];
const CONNECTIONS = ["maxConnections", "maxConnectionsPerInstance"];
const PER_ENDPOINT = ["maxRatePerEndpoint", "maxConnectionsPerEndpoint", "maxInFlightRequestsPerEndpoint"];

/** Reads the instance groups of a backend service and how much each may be given. */
export function parseBackends(cloud: Cloud, value: unknown, place: Place): StoredBackend[] {
  const given = Array.isArray(value) ? value.filter(isObject) : [];
  const backends = given.map((backend, i) => parseBackend(cloud, backend, `resource.backends[${i}]`, place));
  for (const [i, { group }] of backends.entries())
    if (backends.findIndex((other) => other.group === group) !== i)
      throw errors.value(`resource.backends[${i}].group`, group, "Duplicate instance groups in backend service.");
  if (backends.length === 1 && backends[0]?.settings.capacityScaler === 0)
    throw errors.value(
      "resource.backends[0].capacityScaler",
      "0.0",
      "It cannot be 0 when there is only one backend in the backend service.",
    );
  checkModes(cloud, backends, place);
  return backends;
}

function parseBackend(cloud: Cloud, backend: Json, at: string, place: Place): StoredBackend {
  const group = groupOf(cloud, backend.group, `${at}.group`, place);
  for (const field of [...PER_ENDPOINT, "customMetrics"])
    if (backend[field] !== undefined && backend[field] !== null)
      throw errors.value(`${at}.${field}`, backend[field], "It cannot be set for an instance group.");
  const { kind: _, group: __, ...settings } = backend;
  const balancingMode = modeOf(settings, at, place);
  const share = (field: string, fallback: number): number => {
    const number = Number(settings[field] ?? fallback);
    if (number < 0 || number > 1)
      throw errors.value(`${at}.${field}`, number, "Must be between 0.0 and 1.0, inclusive.");
    return number;
  };
  const capacityScaler = share("capacityScaler", 1);
  if (capacityScaler > 0 && capacityScaler < 0.1)
    throw errors.value(`${at}.capacityScaler`, capacityScaler, "Must be 0.0 or between 0.1 and 1.0, inclusive.");
  checkLimits(group, settings, balancingMode, at, place);
  return {
    group,
    settings: {
      ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null && value !== undefined)),
      balancingMode,
      ...(!place.passthrough && { capacityScaler }),
      ...(balancingMode === "UTILIZATION" && { maxUtilization: share("maxUtilization", 0.8) }),
    },
  };
}

function groupOf(cloud: Cloud, value: unknown, at: string, place: Place): string {
  if (typeof value !== "string" || value === "") throw errors.required(at);
  const ref = parseRef(cloud.world, value, place.project);
  if (ref?.collection === "networkEndpointGroups")
    throw errors.notEmulated("backendServices with network endpoint groups");
  if (ref?.collection !== "instanceGroups" || ref.scope.kind === "global")
    throw errors.value(at, value, "The URL is malformed.");
  if (!managedGroup(cloud, pathOf(ref))) throw errors.notFound(pathOf(ref));
  const region = ref.scope.kind === "zone" ? regionOf(ref.scope.name) : ref.scope.name;
  if (place.scope.kind === "region" && region !== place.scope.name)
    throw errors.value(at, value, `The instance group must be in region '${place.scope.name}'.`);
  return pathOf(ref);
}

/** https://docs.cloud.google.com/load-balancing/docs/backend-service#balancing-mode-lb; the first text is from public issues. */
function modeOf(backend: Json, at: string, { scheme, protocol, passthrough }: Place): string {
  const mode = String(backend.balancingMode || (passthrough ? "CONNECTION" : "UTILIZATION"));
  const refuse = (why: string) => errors.value(`${at}.balancingMode`, mode, why);
  if (mode === "CUSTOM_METRICS") throw errors.notEmulated("backendServices with balancingMode CUSTOM_METRICS");
  if (!["CONNECTION", "RATE", "UTILIZATION"].includes(mode))
    throw refuse("Must be one of [CONNECTION, CUSTOM_METRICS, RATE, UTILIZATION].");
  if (passthrough && mode !== "CONNECTION")
    throw refuse(`Balancing mode must be CONNECTION for an ${scheme} backend service.`);
  const stream = protocol === "TCP" || protocol === "SSL";
  if (!passthrough && mode === (stream ? "RATE" : "CONNECTION"))
    throw refuse(`Balancing mode ${mode} is not supported for protocol ${protocol}.`);
  return mode;
}

/** Which limits a mode needs and which it cannot have. A regional group has only limits per instance. */
function checkLimits(group: string, backend: Json, mode: string, at: string, { passthrough }: Place): void {
  const isSet = (field: string) => backend[field] !== undefined && backend[field] !== null;
  const wrong = (field: string, why: string) => errors.value(`${at}.${field}`, backend[field], why);
  const refused = passthrough
    ? [...RATES, ...CONNECTIONS, "maxUtilization"]
    : mode === "RATE"
      ? CONNECTIONS
      : mode === "CONNECTION"
        ? [...RATES, "maxUtilization"]
        : [];
  for (const field of refused) if (isSet(field)) throw wrong(field, `It cannot be set with balancing mode ${mode}.`);
  for (const field of [...RATES, ...CONNECTIONS])
    if (isSet(field) && !(Number(backend[field]) > 0)) throw wrong(field, "Must be greater than 0.");
  const needed = mode === "RATE" ? RATES : mode === "CONNECTION" && !passthrough ? CONNECTIONS : [];
  if (needed.length > 0 && !needed.some(isSet))
    throw errors.value(
      at,
      { group, balancingMode: mode },
      `Either ${needed.join(" or ")} must be set with ${mode} mode.`,
    );
  for (const field of ["maxRate", "maxConnections"])
    if (isSet(field) && group.includes("/regions/"))
      throw wrong(field, "It cannot be set for a regional instance group.");
}

/** One group cannot be balanced by utilization here and by something else there. The text is from public issues. */
function checkModes(cloud: Cloud, backends: StoredBackend[], place: Place): void {
  for (const other of cloud.backendServices.values()) {
    if (servicePath(other) === pathOf(place)) continue;
    for (const { group, settings } of backends) {
      const theirs = other.backends.find((backend) => backend.group === group)?.settings;
      if (!theirs || (theirs.balancingMode === "UTILIZATION") === (settings.balancingMode === "UTILIZATION")) continue;
      throw new ApiError(
        400,
        `Validation failed for instance group '${group}': backend services '${servicePath(other)}' and '${pathOf(place)}' point to the same instance group but the backends have incompatible balancing_mode. Values should be the same.`,
        { reason: "invalid" },
      );
    }
  }
}
