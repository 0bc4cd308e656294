import type { Json } from "../frame/fields.ts";
import type { World } from "../frame/world.ts";

export interface StorageSource {
  bucket?: string;
  object?: string;
  generation?: string;
  sourceUploadUrl?: string;
}

export interface BuildConfig {
  build?: string;
  runtime?: string;
  entryPoint?: string;
  source?: { storageSource?: StorageSource };
  sourceProvenance?: { resolvedStorageSource: StorageSource };
  environmentVariables?: Record<string, string>;
  dockerRegistry?: string;
  dockerRepository?: string;
  serviceAccount?: string;
  automaticUpdatePolicy?: object;
  onDeployUpdatePolicy?: object;
}

/** `projectId` may be the project's id or its number. */
export interface SecretVariable {
  key?: string;
  projectId?: string;
  secret?: string;
  version?: string;
}

export interface SecretVolume {
  mountPath?: string;
  projectId?: string;
  secret?: string;
  versions?: { version?: string; path?: string }[];
}

export interface ServiceConfig {
  service?: string;
  revision?: string;
  uri?: string;
  serviceAccountEmail?: string;
  timeoutSeconds?: number;
  availableMemory?: string;
  availableCpu?: string;
  environmentVariables?: Record<string, string>;
  secretEnvironmentVariables?: SecretVariable[];
  secretVolumes?: SecretVolume[];
  minInstanceCount?: number;
  maxInstanceCount?: number;
  maxInstanceRequestConcurrency?: number;
  ingressSettings?: string;
  allTrafficOnLatestRevision?: boolean;
}

export interface EventTrigger {
  trigger?: string;
  triggerRegion?: string;
  eventType?: string;
  eventFilters?: { attribute?: string; value?: string; operator?: string }[];
  pubsubTopic?: string;
  serviceAccountEmail?: string;
  retryPolicy?: string;
}

/** https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions */
export interface CloudFunction {
  name: string;
  description?: string;
  buildConfig: BuildConfig;
  serviceConfig: ServiceConfig;
  eventTrigger?: EventTrigger;
  labels?: Record<string, string>;
  state: "ACTIVE" | "FAILED" | "DEPLOYING" | "DELETING";
  stateMessages?: { severity: string; type: string; message: string }[];
  environment: "GEN_2";
  url?: string;
  createTime: string;
  updateTime: string;
}

export type Policy = { version?: number; etag?: string; bindings?: { role: string; members?: string[] }[] } & Json;

/** A function with what the emulator keeps of it beside what the API shows. */
export interface Kept {
  shown: CloudFunction;
  /** Digest of the zip that the serving revision was built from. */
  source?: string;
  /** How many revisions were made. */
  revisions: number;
  /** Where its URL listens. Kept, so that the URL outlives a restart. */
  port?: number;
  /** Of its Cloud Run service: who may invoke it. */
  policy: Policy;
  /** Of the function itself. */
  functionPolicy?: Policy;
}

export interface Place {
  project: string;
  location: string;
  id: string;
}

export function placeOf(name: string): Place {
  const [, project = "", , location = "", , id = ""] = name.split("/");
  return { project, location, id };
}

/** The Cloud Run service behind a function is named in lower case and without underscores. */
export function serviceId(functionId: string): string {
  return functionId.toLowerCase().replaceAll("_", "-");
}

/** Whom a function acts as when nobody says. */
export function defaultAccount(world: World): string {
  return `${world.projectNumber}-compute@developer.gserviceaccount.com`;
}

export function signatureType({ eventTrigger }: Pick<CloudFunction, "eventTrigger">): "cloudevent" | "http" {
  return eventTrigger ? "cloudevent" : "http";
}
