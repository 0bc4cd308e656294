import type { Shape } from "../frame/fields.ts";
import type { SchemaSettings } from "./schemas.ts";

/** https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics */
export interface Topic {
  name: string;
  labels?: Record<string, string>;
  messageStoragePolicy?: MessageStoragePolicy;
  kmsKeyName?: string;
  messageRetentionDuration?: string;
  schemaSettings?: SchemaSettings;
  state: "ACTIVE";
}

export interface MessageStoragePolicy {
  allowedPersistenceRegions?: string[];
  enforceInTransit?: boolean;
}

/** https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions */
export interface Subscription {
  name: string;
  topic: string;
  pushConfig: PushConfig;
  ackDeadlineSeconds: number;
  retainAckedMessages?: boolean;
  messageRetentionDuration: string;
  labels?: Record<string, string>;
  enableMessageOrdering?: boolean;
  /** Without `ttl`: never expires. */
  expirationPolicy: { ttl?: string };
  filter?: string;
  deadLetterPolicy?: { deadLetterTopic: string; maxDeliveryAttempts: number };
  retryPolicy?: { minimumBackoff: string; maximumBackoff: string };
  detached?: boolean;
  enableExactlyOnceDelivery?: boolean;
  topicMessageRetentionDuration?: string;
  state: "ACTIVE";
}

export interface PushConfig {
  pushEndpoint?: string;
  attributes?: Record<string, string>;
  oidcToken?: { serviceAccountEmail?: string; audience?: string };
  pubsubWrapper?: Record<string, never>;
  noWrapper?: { writeMetadata?: boolean };
}

/** A message as a topic keeps it; `data` is base64. */
export interface Message {
  data?: string;
  attributes?: Record<string, string>;
  messageId: string;
  publishTime: string;
  orderingKey?: string;
}

/** What a subscription of a deleted topic names as its topic. */
export const DELETED_TOPIC = "_deleted-topic_";
/** What a topic whose schema was deleted names as its schema. */
export const DELETED_SCHEMA = "_deleted-schema_";

export const MESSAGE: Shape = {
  data: "bytes",
  attributes: "map",
  messageId: "string",
  publishTime: "timestamp",
  orderingKey: "string",
};

export const TOPIC: Shape = {
  name: "string",
  labels: "map",
  messageStoragePolicy: { one: { allowedPersistenceRegions: "strings", enforceInTransit: "boolean" } },
  kmsKeyName: "string",
  schemaSettings: {
    one: { schema: "string", encoding: "string", firstRevisionId: "string", lastRevisionId: "string" },
  },
  satisfiesPzs: "output",
  messageRetentionDuration: "duration",
  state: "output",
  ingestionDataSourceSettings: "absent",
  messageTransforms: "absent",
  tags: "absentMap",
};

export const PUSH_CONFIG: Shape = {
  pushEndpoint: "string",
  attributes: "map",
  oidcToken: { one: { serviceAccountEmail: "string", audience: "string" } },
  pubsubWrapper: { one: {} },
  noWrapper: { one: { writeMetadata: "boolean" } },
};

export const SUBSCRIPTION: Shape = {
  name: "string",
  topic: "string",
  pushConfig: { one: PUSH_CONFIG },
  bigqueryConfig: "absent",
  cloudStorageConfig: "absent",
  bigtableConfig: "absent",
  ackDeadlineSeconds: "int32",
  retainAckedMessages: "boolean",
  messageRetentionDuration: "duration",
  labels: "map",
  enableMessageOrdering: "boolean",
  expirationPolicy: { one: { ttl: "duration" } },
  filter: "string",
  deadLetterPolicy: { one: { deadLetterTopic: "string", maxDeliveryAttempts: "int32" } },
  retryPolicy: { one: { minimumBackoff: "duration", maximumBackoff: "duration" } },
  detached: "output",
  enableExactlyOnceDelivery: "boolean",
  topicMessageRetentionDuration: "output",
  state: "output",
  analyticsHubSubscriptionInfo: "output",
  messageTransforms: "absent",
  tags: "absentMap",
};

export const SNAPSHOT: Shape = { name: "string", topic: "string", expireTime: "timestamp", labels: "map" };
export const SEEK: Shape = { subscription: "string", time: "timestamp", snapshot: "string" };
export const SCHEMA: Shape = {
  name: "string",
  type: "string",
  definition: "string",
  revisionId: "output",
  revisionCreateTime: "output",
};

export const RECEIVED: Shape = { ackId: "string", message: { one: MESSAGE }, deliveryAttempt: "int32" };
