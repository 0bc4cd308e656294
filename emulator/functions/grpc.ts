import type { Package } from "../frame/descriptors.ts";
import type { GrpcService } from "../frame/grpc.ts";
import type { Route } from "../frame/router.ts";
import { grpcOverRest } from "../frame/transcode.ts";

/** https://github.com/googleapis/googleapis/tree/master/google/cloud/functions/v2 */
const MESSAGES: Package["messages"] = {
  Function: {
    name: "string 1",
    description: "string 2",
    buildConfig: "BuildConfig 3",
    serviceConfig: "ServiceConfig 4",
    eventTrigger: "EventTrigger 5",
    state: "FunctionState 6",
    updateTime: "Timestamp 7",
    labels: "map 8",
    stateMessages: "StateMessage[] 9",
    environment: "Environment 10",
    url: "string 14",
    kmsKeyName: "string 25",
    createTime: "Timestamp 28",
  },
  StateMessage: { severity: "Severity 1", type: "string 2", message: "string 3" },
  StorageSource: { bucket: "string 1", object: "string 2", generation: "int64 3", sourceUploadUrl: "string 4" },
  RepoSource: { projectId: "string 1", repoName: "string 2", branchName: "string 3" },
  Source: { storageSource: "StorageSource 1", repoSource: "RepoSource 2", gitUri: "string 3" },
  SourceProvenance: { resolvedStorageSource: "StorageSource 1" },
  UpdatePolicy: { runtimeVersion: "string 1" },
  BuildConfig: {
    automaticUpdatePolicy: "UpdatePolicy 40",
    onDeployUpdatePolicy: "UpdatePolicy 41",
    build: "string 1",
    runtime: "string 2",
    entryPoint: "string 3",
    source: "Source 4",
    sourceProvenance: "SourceProvenance 8",
    workerPool: "string 5",
    environmentVariables: "map 6",
    dockerRegistry: "DockerRegistry 10",
    dockerRepository: "string 7",
    serviceAccount: "string 27",
  },
  ServiceConfig: {
    service: "string 1",
    timeoutSeconds: "int32 2",
    availableMemory: "string 13",
    availableCpu: "string 22",
    environmentVariables: "map 4",
    maxInstanceCount: "int32 5",
    minInstanceCount: "int32 12",
    vpcConnector: "string 6",
    vpcConnectorEgressSettings: "VpcConnectorEgressSettings 7",
    ingressSettings: "IngressSettings 8",
    uri: "string 9",
    serviceAccountEmail: "string 10",
    allTrafficOnLatestRevision: "bool 16",
    secretEnvironmentVariables: "SecretEnvVar[] 17",
    secretVolumes: "SecretVolume[] 19",
    revision: "string 18",
    maxInstanceRequestConcurrency: "int32 20",
    securityLevel: "SecurityLevel 21",
    binaryAuthorizationPolicy: "string 23",
  },
  SecretEnvVar: { key: "string 1", projectId: "string 2", secret: "string 3", version: "string 4" },
  SecretVolume: { mountPath: "string 1", projectId: "string 2", secret: "string 3", versions: "SecretVersion[] 4" },
  SecretVersion: { version: "string 1", path: "string 2" },
  EventTrigger: {
    trigger: "string 1",
    triggerRegion: "string 2",
    eventType: "string 3",
    eventFilters: "EventFilter[] 4",
    pubsubTopic: "string 5",
    serviceAccountEmail: "string 6",
    retryPolicy: "RetryPolicy 7",
    channel: "string 8",
    service: "string 9",
  },
  EventFilter: { attribute: "string 1", value: "string 2", operator: "string 3" },
  GetFunctionRequest: { name: "string 1", revision: "string 2" },
  ListFunctionsRequest: {
    parent: "string 1",
    pageSize: "int32 2",
    pageToken: "string 3",
    filter: "string 4",
    orderBy: "string 5",
  },
  ListFunctionsResponse: { functions: "Function[] 1", nextPageToken: "string 2", unreachable: "string[] 3" },
  CreateFunctionRequest: { parent: "string 1", function: "Function 2", functionId: "string 3" },
  UpdateFunctionRequest: { function: "Function 1", updateMask: "FieldMask 2" },
  DeleteFunctionRequest: { name: "string 1" },
  GenerateUploadUrlRequest: { parent: "string 1", kmsKeyName: "string 2", environment: "Environment 3" },
  GenerateUploadUrlResponse: { uploadUrl: "string 1", storageSource: "StorageSource 2" },
  GenerateDownloadUrlRequest: { name: "string 1" },
  GenerateDownloadUrlResponse: { downloadUrl: "string 1" },
  ListRuntimesRequest: { parent: "string 1", filter: "string 2" },
  ListRuntimesResponse: { runtimes: "Runtime[] 1" },
  Runtime: {
    name: "string 1",
    displayName: "string 5",
    stage: "RuntimeStage 2",
    warnings: "string[] 3",
    environment: "Environment 4",
    deprecationDate: "Date 6",
    decommissionDate: "Date 7",
  },
  Date: { year: "int32 1", month: "int32 2", day: "int32 3" },
  OperationMetadata: {
    createTime: "Timestamp 1",
    endTime: "Timestamp 2",
    target: "string 3",
    verb: "string 4",
    statusDetail: "string 5",
    cancelRequested: "bool 6",
    apiVersion: "string 7",
    requestResource: "Any 8",
    stages: "Stage[] 9",
    sourceToken: "string 10",
    buildName: "string 13",
    operationType: "OperationType 11",
  },
  Stage: {
    name: "StageName 1",
    message: "string 2",
    state: "StageState 3",
    resource: "string 4",
    resourceUri: "string 5",
    stateMessages: "StateMessage[] 6",
  },
  Operation: { name: "string 1", metadata: "Any 2", done: "bool 3", error: "Status 4", response: "Any 5" },
  Status: { code: "int32 1", message: "string 2", details: "Any[] 3" },
  GetOperationRequest: { name: "string 1" },
};

/** Numbered from 0 in their order. */
function counted(...names: string[]): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [name, i]));
}

const ENUMS = {
  FunctionState: counted("STATE_UNSPECIFIED", "ACTIVE", "FAILED", "DEPLOYING", "DELETING", "UNKNOWN"),
  Severity: counted("SEVERITY_UNSPECIFIED", "ERROR", "WARNING", "INFO"),
  Environment: counted("ENVIRONMENT_UNSPECIFIED", "GEN_1", "GEN_2"),
  DockerRegistry: counted("DOCKER_REGISTRY_UNSPECIFIED", "CONTAINER_REGISTRY", "ARTIFACT_REGISTRY"),
  VpcConnectorEgressSettings: counted(
    "VPC_CONNECTOR_EGRESS_SETTINGS_UNSPECIFIED",
    "PRIVATE_RANGES_ONLY",
    "ALL_TRAFFIC",
  ),
  IngressSettings: counted(
    "INGRESS_SETTINGS_UNSPECIFIED",
    "ALLOW_ALL",
    "ALLOW_INTERNAL_ONLY",
    "ALLOW_INTERNAL_AND_GCLB",
  ),
  SecurityLevel: counted("SECURITY_LEVEL_UNSPECIFIED", "SECURE_ALWAYS", "SECURE_OPTIONAL"),
  RetryPolicy: counted("RETRY_POLICY_UNSPECIFIED", "RETRY_POLICY_DO_NOT_RETRY", "RETRY_POLICY_RETRY"),
  RuntimeStage: counted(
    ...["RUNTIME_STAGE_UNSPECIFIED", "DEVELOPMENT", "ALPHA", "BETA", "GA", "DEPRECATED", "DECOMMISSIONED"],
  ),
  OperationType: counted("OPERATIONTYPE_UNSPECIFIED", "CREATE_FUNCTION", "UPDATE_FUNCTION", "DELETE_FUNCTION"),
  StageName: counted(
    ...["NAME_UNSPECIFIED", "ARTIFACT_REGISTRY", "BUILD", "SERVICE", "TRIGGER", "SERVICE_ROLLBACK", "TRIGGER_ROLLBACK"],
  ),
  StageState: counted("STATE_UNSPECIFIED", "NOT_STARTED", "IN_PROGRESS", "COMPLETE"),
};

const SERVICE: Package = {
  name: "google.cloud.functions.v2",
  messages: MESSAGES,
  enums: ENUMS,
  services: {
    FunctionService: {
      GetFunction: ["GetFunctionRequest", "Function"],
      ListFunctions: ["ListFunctionsRequest", "ListFunctionsResponse"],
      CreateFunction: ["CreateFunctionRequest", "Operation"],
      UpdateFunction: ["UpdateFunctionRequest", "Operation"],
      DeleteFunction: ["DeleteFunctionRequest", "Operation"],
      GenerateUploadUrl: ["GenerateUploadUrlRequest", "GenerateUploadUrlResponse"],
      GenerateDownloadUrl: ["GenerateDownloadUrlRequest", "GenerateDownloadUrlResponse"],
      ListRuntimes: ["ListRuntimesRequest", "ListRuntimesResponse"],
    },
  },
};

/** What a client asks until its operation is done. */
const OPERATIONS: Package = {
  name: "google.longrunning",
  messages: MESSAGES,
  enums: ENUMS,
  services: { Operations: { GetOperation: ["GetOperationRequest", "Operation"] } },
};

const IN_ANY = ["OperationMetadata", "Function"];

/** google.cloud.functions.v2.FunctionService, and google.longrunning.Operations for its operations. */
export function functionsGrpc(routes: Route[]): GrpcService[] {
  const FunctionService = [
    { rpc: "GetFunction", http: "GET /v2/{name}" },
    { rpc: "ListFunctions", http: "GET /v2/{parent}/functions" },
    { rpc: "CreateFunction", http: "POST /v2/{parent}/functions", body: "function" },
    { rpc: "UpdateFunction", http: "PATCH /v2/{function.name}", body: "function" },
    { rpc: "DeleteFunction", http: "DELETE /v2/{name}" },
    { rpc: "GenerateUploadUrl", http: "POST /v2/{parent}/functions:generateUploadUrl", body: "*" },
    { rpc: "GenerateDownloadUrl", http: "POST /v2/{name}:generateDownloadUrl", body: "*" },
    { rpc: "ListRuntimes", http: "GET /v2/{parent}/runtimes" },
  ];
  return [
    ...grpcOverRest(SERVICE, { FunctionService }, routes, IN_ANY),
    ...grpcOverRest(OPERATIONS, { Operations: [{ rpc: "GetOperation", http: "GET /v2/{name}" }] }, routes, IN_ANY),
  ];
}
