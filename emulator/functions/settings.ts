import { ApiError } from "../frame/errors.ts";
import { camel, type Json, readFields } from "../frame/fields.ts";
import { byId, type World } from "../frame/world.ts";
import { cpuFor, memoryBytes } from "./memory.ts";
import {
  type BuildConfig,
  type CloudFunction,
  defaultAccount,
  type EventTrigger,
  type ServiceConfig,
  serviceId,
} from "./model.ts";
import { runtimeNamed } from "./runtimes.ts";
import { ENUMS, FUNCTION } from "./shape.ts";

/** What a caller may set of a function. */
export interface Given extends Json {
  description?: string;
  buildConfig?: BuildConfig;
  serviceConfig?: ServiceConfig;
  eventTrigger?: EventTrigger;
  labels?: Record<string, string>;
}

export const PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished";

/** 2nd gen HTTP functions may run an hour, event-driven ones nine minutes. https://cloud.google.com/functions/quotas */
const MOST_SECONDS = { http: 3600, cloudevent: 540 };

/** https://cloud.google.com/functions/docs/configuring/env-var#reserved */
const RESERVED = /^(X_GOOGLE_.*|K_SERVICE|K_REVISION|K_CONFIGURATION|PORT|FUNCTION_TARGET|FUNCTION_SIGNATURE_TYPE)$/;

export function readFunction(body: unknown, loose: boolean): Given {
  const read = readFields(FUNCTION, body, loose);
  for (const [path, names] of Object.entries(ENUMS)) {
    const [outer = "", inner] = path.split(".");
    const holder = (inner === undefined ? read : read[outer]) as Json | undefined;
    const key = inner ?? outer;
    const value = holder?.[key];
    if (!holder || value === undefined) continue;
    const name = typeof value === "number" ? names[value] : value;
    if (typeof name !== "string" || !names.includes(name)) {
      throw new ApiError(400, `Invalid value at 'function.${path}' (TYPE_ENUM), ${JSON.stringify(value)}`);
    }
    // Unspecified is as good as unset.
    if (name === names[0]) delete holder[key];
    else holder[key] = name;
  }
  if (read.environment === "GEN_1") throw new ApiError(501, "1st gen functions are not emulated");
  return read;
}

/** Paths of a mask in the names of JSON, parents before what is in them. */
export function maskPaths(mask: string): string[] {
  const paths = mask
    .split(",")
    .map((path) => path.trim().split(".").map(camel).join("."))
    .filter((path) => path !== "");
  for (const path of paths) {
    let shape: unknown = FUNCTION;
    for (const part of path.split(".")) {
      const known = typeof shape === "object" && shape !== null && Object.hasOwn(shape, part);
      const kind: unknown = known ? (shape as Json)[part] : undefined;
      if (kind === undefined) throw new ApiError(400, `Invalid update_mask: ${path} is not a field of a function.`);
      shape = typeof kind === "object" && kind !== null && "one" in kind ? kind.one : undefined;
    }
  }
  return [...new Set(paths)].sort();
}

const ALL = ["description", "labels", "buildConfig", "serviceConfig", "eventTrigger"];

/** The function as it would be after an update: `paths` of `given`, everything that can be set when there are none. */
export function updated(current: CloudFunction, given: Given, paths: string[]): CloudFunction {
  const next = structuredClone(current);
  for (const path of paths.length > 0 ? paths : ALL) {
    const parts = path.split(".");
    const last = parts.pop() ?? "";
    let from: Json | undefined = given;
    let to: object = next;
    for (const part of parts) {
      from = from?.[part] as Json | undefined;
      to = memberOf(to, part);
    }
    const value = from?.[last];
    // What a configuration does not say stays as the service filled it in.
    if (last === "buildConfig" || last === "serviceConfig") {
      if (value !== undefined) Object.assign(next, { [last]: merged({ ...next[last] }, value as Json) });
    } else if (value === undefined) Reflect.deleteProperty(to, last);
    else Object.assign(to, { [last]: structuredClone(value) });
  }
  return next;
}

/** A message inside another; made when it is not there. */
function memberOf(holder: object, name: string): object {
  const found: unknown = Reflect.get(holder, name);
  if (typeof found === "object" && found !== null) return found;
  const made = {};
  Object.assign(holder, { [name]: made });
  return made;
}

/** A configuration given whole: what only the service knows, and the source, stay unless they are given. */
function merged(current: Json, given: Json): Json {
  const stays = [
    "build",
    "source",
    "sourceProvenance",
    "dockerRegistry",
    "dockerRepository",
    "service",
    "revision",
    "uri",
  ];
  const kept = Object.fromEntries(stays.filter((key) => key in current).map((key) => [key, current[key]]));
  return { ...kept, ...structuredClone(given) };
}

/** Checks a function and fills in what was left open. Throws 400 or 501. */
export function completed(world: World, draft: CloudFunction, isNew: boolean): CloudFunction {
  const { buildConfig, serviceConfig, eventTrigger } = draft;
  const [, project = "", , location = "", , id = ""] = draft.name.split("/");
  if (!buildConfig.runtime) throw new ApiError(400, "Runtime field cannot be empty.");
  runtimeNamed(buildConfig.runtime);
  const memory = serviceConfig.availableMemory ?? "256M";
  const bytes = memoryBytes(memory);
  const trigger = eventTrigger && completeTrigger(world, eventTrigger, project, location);
  const most = MOST_SECONDS[trigger ? "cloudevent" : "http"];
  const timeoutSeconds = within("timeout_seconds", serviceConfig.timeoutSeconds || 60, 1, most);
  const concurrency = within(
    "max_instance_request_concurrency",
    serviceConfig.maxInstanceRequestConcurrency || 1,
    1,
    1000,
  );
  const cpu = serviceConfig.availableCpu ?? cpuFor(bytes);
  if (concurrency > 1 && Number(cpu.replace(/m$/, "e-3")) < 1) {
    throw new ApiError(
      400,
      `Could not create or update Cloud Run service ${serviceId(id)}, spec.template.spec.containers.resources.limits.cpu: Invalid value specified for cpu. Total cpu < 1 is not supported with concurrency > 1.`,
    );
  }
  const maxInstanceCount = within("max_instance_count", serviceConfig.maxInstanceCount || 100, 1, 3000);
  const least = within("min_instance_count", serviceConfig.minInstanceCount ?? 0, 0, maxInstanceCount);
  checkVariables(serviceConfig);
  const { minInstanceCount: _, environmentVariables, ...rest } = serviceConfig;
  // New functions log with execution ids unless they say otherwise.
  const variables = { ...(isNew && { LOG_EXECUTION_ID: "true" }), ...environmentVariables };
  return {
    ...draft,
    buildConfig: {
      ...buildConfig,
      entryPoint: buildConfig.entryPoint || id,
      serviceAccount: buildConfig.serviceAccount ?? `projects/${project}/serviceAccounts/${defaultAccount(world)}`,
      dockerRegistry: "ARTIFACT_REGISTRY",
      dockerRepository:
        buildConfig.dockerRepository ?? `projects/${project}/locations/${location}/repositories/gcf-artifacts`,
      ...(!buildConfig.onDeployUpdatePolicy && { automaticUpdatePolicy: {} }),
    },
    serviceConfig: {
      ...rest,
      service: `projects/${project}/locations/${location}/services/${serviceId(id)}`,
      serviceAccountEmail: serviceConfig.serviceAccountEmail ?? defaultAccount(world),
      availableMemory: memory,
      availableCpu: cpu,
      timeoutSeconds,
      ...(least > 0 && { minInstanceCount: least }),
      maxInstanceCount,
      maxInstanceRequestConcurrency: concurrency,
      ingressSettings: serviceConfig.ingressSettings ?? "ALLOW_ALL",
      allTrafficOnLatestRevision: true,
      ...(Object.keys(variables).length > 0 && { environmentVariables: variables }),
    },
    ...(trigger && { eventTrigger: trigger }),
  };
}

function within(field: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new ApiError(400, `Invalid value ${value} for service_config.${field}: it must be from ${least} to ${most}.`);
}

function checkVariables({
  environmentVariables = {},
  secretEnvironmentVariables = [],
  secretVolumes = [],
}: ServiceConfig) {
  const secretKeys = secretEnvironmentVariables.map(({ key = "" }) => key);
  for (const key of [...Object.keys(environmentVariables), ...secretKeys]) {
    if (RESERVED.test(key)) throw new ApiError(400, `The environment variable name ${key} is reserved by the system.`);
    if (!/^[^=\0]+$/.test(key)) throw new ApiError(400, `Invalid environment variable name ${JSON.stringify(key)}.`);
    if (secretKeys.includes(key) && Object.hasOwn(environmentVariables, key)) {
      throw new ApiError(400, `The environment variable ${key} is set both to a text and to a secret.`);
    }
  }
  for (const { secret, version } of secretEnvironmentVariables) {
    if (!secret || !version) throw new ApiError(400, "A secret environment variable needs its secret and its version.");
  }
  for (const { mountPath = "", secret } of secretVolumes) {
    if (!/^\/[^/]/.test(mountPath) || mountPath.split("/").includes("..")) {
      throw new ApiError(400, `Invalid mount path ${JSON.stringify(mountPath)}: it must be absolute.`);
    }
    if (!secret) throw new ApiError(400, `The volume at ${mountPath} names no secret.`);
  }
}

function completeTrigger(world: World, given: EventTrigger, project: string, location: string): EventTrigger {
  if (!given.eventType) throw new ApiError(400, "event_trigger.event_type is required.");
  if (given.eventType !== PUBLISHED) {
    throw new ApiError(501, `event triggers are emulated for ${PUBLISHED}, not for ${given.eventType}`);
  }
  const filters = (given.eventFilters ?? []).filter(({ attribute }) => attribute !== "type");
  const unknown = filters.find(({ attribute, operator }) => attribute !== "topic" || operator);
  if (unknown) throw new ApiError(400, `The event filter ${unknown.attribute} is not one of ${PUBLISHED}.`);
  const asked = given.pubsubTopic ?? filters[0]?.value;
  const topic = asked === undefined || asked.includes("/") ? asked : `projects/${project}/topics/${asked}`;
  if (topic !== undefined && !/^projects\/[^/]+\/topics\/[^/]+$/.test(topic)) {
    throw new ApiError(400, `Invalid Pub/Sub topic ${JSON.stringify(topic)}: projects/PROJECT/topics/TOPIC.`);
  }
  return {
    ...(given.trigger && { trigger: given.trigger }),
    triggerRegion: given.triggerRegion ?? location,
    eventType: given.eventType,
    ...(topic !== undefined && { pubsubTopic: byId(world, topic) }),
    serviceAccountEmail: given.serviceAccountEmail ?? defaultAccount(world),
    retryPolicy: given.retryPolicy ?? "RETRY_POLICY_DO_NOT_RETRY",
  };
}
