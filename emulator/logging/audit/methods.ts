/** A mutating method as its audit entries name it. Compute writes its own entries, which are of another form. */
export interface AuditedMethod {
  /** e.g. `pubsub.googleapis.com`. */
  service: string;
  methodName: string;
  /** Type of the request's message, for its `@type`; none where entries have no request. */
  message?: string;
  /** Type of what is answered, or of what a long operation makes; none where that is empty. */
  answer?: string;
  permission: string;
  /** The collection of what it is about, e.g. `topics`. */
  collection: string;
  /** Two entries, for its beginning and its end. */
  long?: true;
}

interface Api {
  package: string;
  /** Collection → gRPC service, the singular that methods are named by, and the message where it is named otherwise. */
  collections: Record<string, [service: string, noun: string, message?: string]>;
  /** Names that verb and noun do not give. */
  methods?: Record<string, string>;
  permissions?: Record<string, string>;
  /** Requests that are no `…Request`: a topic is created from a topic. */
  requests?: Record<string, string>;
  long?: true;
}

const SECRETS: Api["collections"] = {
  secrets: ["SecretManagerService", "Secret"],
  versions: ["SecretManagerService", "SecretVersion"],
};

/** Names as the services' audit logging pages list them, e.g. https://docs.cloud.google.com/pubsub/docs/audit-logging */
const APIS: Record<string, Api> = {
  pubsub: {
    package: "google.pubsub.v1",
    collections: {
      topics: ["Publisher", "Topic"],
      subscriptions: ["Subscriber", "Subscription"],
      snapshots: ["Subscriber", "Snapshot"],
      schemas: ["SchemaService", "Schema"],
    },
    methods: {
      "subscriptions.modifyPushConfig": "Subscriber.ModifyPushConfig",
      "subscriptions.detach": "Publisher.DetachSubscription",
      "schemas.deleteRevision": "SchemaService.DeleteSchemaRevision",
    },
    permissions: { "subscriptions.modifyPushConfig": "pubsub.subscriptions.update" },
    requests: { "topics.create": "Topic", "subscriptions.create": "Subscription" },
  },
  secretmanager: {
    package: "google.cloud.secretmanager.v1",
    collections: SECRETS,
    methods: {
      "secrets.addVersion": "SecretManagerService.AddSecretVersion",
      "secrets.setIamPolicy": "SecretManagerService.SetIamPolicy",
    },
    permissions: { "secrets.addVersion": "secretmanager.versions.add" },
  },
  logging: {
    package: "google.logging.v2",
    collections: {
      sinks: ["ConfigServiceV2", "Sink", "LogSink"],
      exclusions: ["ConfigServiceV2", "Exclusion", "LogExclusion"],
      buckets: ["ConfigServiceV2", "Bucket", "LogBucket"],
      metrics: ["MetricsServiceV2", "LogMetric"],
      logs: ["LoggingServiceV2", "Log"],
    },
  },
  cloudscheduler: { package: "google.cloud.scheduler.v1", collections: { jobs: ["CloudScheduler", "Job"] } },
  eventarc: { package: "google.cloud.eventarc.v1", collections: { triggers: ["Eventarc", "Trigger"] }, long: true },
  cloudfunctions: {
    package: "google.cloud.functions.v2",
    collections: { functions: ["FunctionService", "Function"] },
    long: true,
  },
  run: { package: "google.cloud.run.v2", collections: { services: ["Services", "Service"] }, long: true },
  monitoring: {
    package: "google.monitoring.v3",
    collections: {
      alertPolicies: ["AlertPolicyService", "AlertPolicy"],
      notificationChannels: ["NotificationChannelService", "NotificationChannel"],
      metricDescriptors: ["MetricService", "MetricDescriptor"],
    },
  },
  iam: {
    package: "google.iam.admin.v1",
    collections: { serviceAccounts: ["", "ServiceAccount"], keys: ["", "ServiceAccountKey"] },
    methods: { "serviceAccounts.patch": "PatchServiceAccount", "serviceAccounts.setIamPolicy": "SetIAMPolicy" },
  },
  serviceusage: {
    package: "google.api.serviceusage.v1",
    collections: { services: ["ServiceUsage", "Service"] },
    long: true,
  },
};

const POLICY = "google.iam.v1.Policy";

/** Verbs that answer with what they are about. */
const SHOWING = /^(create|patch|update|enable|disable|destroy|pause|resume|run|commit|rollback|addVersion)$/;

const PROJECT_POLICY: AuditedMethod = {
  service: "cloudresourcemanager.googleapis.com",
  methodName: "SetIamPolicy",
  message: "google.iam.v1.SetIamPolicyRequest",
  answer: POLICY,
  permission: "resourcemanager.projects.setIamPolicy",
  collection: "projects",
};

/** Storage names its methods by what they need. https://docs.cloud.google.com/storage/docs/audit-logging */
const STORAGE: Record<string, string> = {
  "buckets.insert": "buckets.create",
  "buckets.patch": "buckets.update",
  "buckets.update": "buckets.update",
  "buckets.delete": "buckets.delete",
  "buckets.restore": "buckets.restore",
  "buckets.relocate": "buckets.relocate",
  "buckets.lockRetentionPolicy": "buckets.update",
  "buckets.setIamPolicy": "setIamPermissions",
  "managedFolders.setIamPolicy": "managedFolders.setIamPolicy",
  "objects.setIamPolicy": "objects.setIamPolicy",
  "notifications.insert": "buckets.update",
  "notifications.delete": "buckets.update",
  "projects.hmacKeys.create": "hmacKeys.create",
  "projects.hmacKeys.update": "hmacKeys.update",
  "projects.hmacKeys.delete": "hmacKeys.delete",
};

/**
 * What writes data access entries, which projects have to ask for, or none at all. `Seek` needs a permission to read.
 * The emulator keeps them off, as a project does that never asked.
 */
const DATA = [
  /^pubsub\..*\.(publish|pull|streamingPull|acknowledge|modifyAckDeadline|seek)$/,
  /^logging\.entries\./,
  /^storage\.(objects\.(?!setIamPolicy)|folders\.|managedFolders\.(?!setIamPolicy)|channels\.)/,
  /^iamcredentials\./,
  // Points in time are data, and asking for them reads.
  /^monitoring\..*\.(query|query_range)$|^monitoring\.projects\.timeSeries\./,
  // A URL to upload to, a call of what is deployed: they change nothing.
  /^cloudfunctions\..*\.(generateUploadUrl|generateDownloadUrl|call)$|^cloudfunctions\.upload$/,
  /\.(getIamPolicy|testIamPermissions|validate|validateMessage|get|list|access)$/,
];

/** What is no method of an API of Google's, or none that is audited. */
const OUTSIDE = /^(emulator|metadata|oauth2)\.|\.batch$|^upload\./;

/** Methods that change nothing although they are posted, or whose entries nobody gets who did not ask. */
export function isUnaudited(id: string): boolean {
  return OUTSIDE.test(id) || DATA.some((pattern) => pattern.test(id));
}

/** How a method is audited; undefined when it is not, or by its own service. `id` as the route table has it. */
export function auditedMethod(id: string): AuditedMethod | undefined {
  if (isUnaudited(id)) return undefined;
  if (id === "cloudresourcemanager.projects.setIamPolicy") return PROJECT_POLICY;
  if (id.startsWith("storage.")) return storageMethod(id.slice("storage.".length));
  const words = id.split(".");
  const [name = ""] = words;
  const api = APIS[name];
  const [collection = "", verb = ""] = words.slice(-2);
  const [grpc, noun, named = noun] = api?.collections[collection] ?? [];
  if (!api || grpc === undefined || noun === undefined) return undefined;
  const key = `${collection}.${verb}`;
  const action = verb === "patch" || verb === "update" ? "Update" : verb.charAt(0).toUpperCase() + verb.slice(1);
  const within = grpc === "" ? api.package : `${api.package}.${grpc}`;
  const renamed = api.methods?.[key];
  const policy = verb === "setIamPolicy";
  const plain = policy ? "google.iam.v1.IAMPolicy.SetIamPolicy" : `${within}.${action}${noun}`;
  const methodName = renamed ? `${api.package}.${renamed}` : plain;
  const last = methodName.slice(methodName.lastIndexOf(".") + 1);
  const shown = policy ? POLICY : `${api.package}.${verb === "addVersion" ? "SecretVersion" : named}`;
  return {
    service: `${name}.googleapis.com`,
    methodName,
    message: policy ? "google.iam.v1.SetIamPolicyRequest" : `${api.package}.${api.requests?.[key] ?? `${last}Request`}`,
    ...((policy || SHOWING.test(verb)) && { answer: shown }),
    permission: api.permissions?.[key] ?? `${name}.${collection}.${action.charAt(0).toLowerCase()}${action.slice(1)}`,
    collection,
    ...(api.long && !policy && { long: true as const }),
  };
}

function storageMethod(id: string): AuditedMethod | undefined {
  const acl = /^(bucket|defaultObject|object)AccessControls\./.exec(id)?.[1];
  const name = acl === undefined ? STORAGE[id] : acl === "object" ? "objects.update" : "buckets.update";
  if (name === undefined) return undefined;
  return {
    service: "storage.googleapis.com",
    methodName: `storage.${name}`,
    permission: name === "setIamPermissions" ? "storage.buckets.setIamPolicy" : `storage.${name}`,
    collection: name.startsWith("hmacKeys") ? "hmacKeys" : "buckets",
  };
}
