import type { Shape } from "../frame/fields.ts";

const STORAGE_SOURCE: Shape = {
  bucket: "string",
  object: "string",
  generation: "json",
  sourceUploadUrl: "string",
};

const BUILD_CONFIG: Shape = {
  build: "output",
  runtime: "string",
  entryPoint: "string",
  source: { one: { storageSource: { one: STORAGE_SOURCE }, repoSource: "absent", gitUri: "absent" } },
  sourceProvenance: "output",
  workerPool: "absent",
  environmentVariables: "map",
  dockerRegistry: "json",
  dockerRepository: "string",
  serviceAccount: "string",
  automaticUpdatePolicy: { one: {} },
  onDeployUpdatePolicy: { one: { runtimeVersion: "output" } },
  sourceToken: "absent",
};

const SERVICE_CONFIG: Shape = {
  service: "output",
  revision: "output",
  uri: "output",
  gcfUri: "output",
  serviceAccountEmail: "string",
  timeoutSeconds: "int32",
  availableMemory: "string",
  availableCpu: "string",
  environmentVariables: "map",
  secretEnvironmentVariables: { many: { key: "string", projectId: "string", secret: "string", version: "string" } },
  secretVolumes: {
    many: {
      mountPath: "string",
      projectId: "string",
      secret: "string",
      versions: { many: { version: "string", path: "string" } },
    },
  },
  minInstanceCount: "int32",
  maxInstanceCount: "int32",
  maxInstanceRequestConcurrency: "int32",
  ingressSettings: "json",
  allTrafficOnLatestRevision: "boolean",
  vpcConnector: "absent",
  vpcConnectorEgressSettings: "absent",
  securityLevel: "absent",
  binaryAuthorizationPolicy: "absent",
};

const EVENT_TRIGGER: Shape = {
  trigger: "output",
  triggerRegion: "string",
  eventType: "string",
  eventFilters: { many: { attribute: "string", value: "string", operator: "string" } },
  pubsubTopic: "string",
  serviceAccountEmail: "string",
  retryPolicy: "json",
  channel: "absent",
  service: "absent",
};

/** https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions */
export const FUNCTION: Shape = {
  name: "string",
  description: "string",
  buildConfig: { one: BUILD_CONFIG },
  serviceConfig: { one: SERVICE_CONFIG },
  eventTrigger: { one: EVENT_TRIGGER },
  state: "output",
  stateMessages: "output",
  environment: "json",
  labels: "map",
  url: "output",
  kmsKeyName: "absent",
  createTime: "output",
  updateTime: "output",
  satisfiesPzs: "output",
  satisfiesPzi: "output",
  upgradeInfo: "output",
};

/** Enums by their number, which JSON may hold instead of the name. */
export const ENUMS: Record<string, readonly string[]> = {
  environment: ["ENVIRONMENT_UNSPECIFIED", "GEN_1", "GEN_2"],
  "buildConfig.dockerRegistry": ["DOCKER_REGISTRY_UNSPECIFIED", "CONTAINER_REGISTRY", "ARTIFACT_REGISTRY"],
  "serviceConfig.ingressSettings": [
    "INGRESS_SETTINGS_UNSPECIFIED",
    "ALLOW_ALL",
    "ALLOW_INTERNAL_ONLY",
    "ALLOW_INTERNAL_AND_GCLB",
  ],
  "eventTrigger.retryPolicy": ["RETRY_POLICY_UNSPECIFIED", "RETRY_POLICY_DO_NOT_RETRY", "RETRY_POLICY_RETRY"],
};
