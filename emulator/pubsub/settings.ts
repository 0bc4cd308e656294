import { REGIONS } from "../compute/geography.ts";
import { ApiError } from "../frame/errors.ts";
import { camel, durationSeconds, type Json, snake } from "../frame/fields.ts";
import { parseFilter } from "./filter.ts";
import { outOfRange } from "./messages.ts";
import { checkName } from "./names.ts";
import type { MessageStoragePolicy, PushConfig, Subscription, Topic } from "./resources.ts";

const DAY = 86_400;
const LABEL_KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;

const TOPIC_UPDATES = ["labels", "messageStoragePolicy", "messageRetentionDuration", "kmsKeyName", "schemaSettings"];
const SUBSCRIPTION_UPDATES = [
  "pushConfig",
  "ackDeadlineSeconds",
  "retainAckedMessages",
  "messageRetentionDuration",
  "labels",
  "expirationPolicy",
  "deadLetterPolicy",
  "retryPolicy",
  "enableExactlyOnceDelivery",
];
const FIXED: Record<"Topic" | "Subscription", string[]> = {
  Topic: ["name"],
  Subscription: ["name", "topic", "filter", "enableMessageOrdering"],
};

export function checkLabels(labels: Record<string, string> = {}): void {
  for (const [key, value] of Object.entries(labels)) {
    if (!LABEL_KEY.test(key) || !LABEL_VALUE.test(value)) {
      throw new ApiError(400, `Invalid label: ${JSON.stringify(key)}: ${JSON.stringify(value)}.`);
    }
  }
}

function within(field: string, text: string, least: number, most: number): void {
  const seconds = durationSeconds(text, field);
  if (seconds < least || seconds > most) throw outOfRange(field, seconds, least, most);
}

/**
 * Where a topic's messages may lie: what it was given, or every region, because no organization stands above the project.
 * https://cloud.google.com/pubsub/docs/resource-location-restriction
 */
function storagePolicyOf({ messageStoragePolicy }: Partial<Topic>): MessageStoragePolicy {
  if (messageStoragePolicy === undefined) return { allowedPersistenceRegions: [...REGIONS].sort() };
  if ((messageStoragePolicy.allowedPersistenceRegions ?? []).length === 0) {
    throw new ApiError(400, "The message_storage_policy allows no region: at least one is needed.");
  }
  return messageStoragePolicy;
}

/** A topic from what a client sent, checked. */
export function topicFrom(given: Json): Topic {
  const topic: Topic = {
    ...(given as Partial<Topic>),
    name: String(given.name),
    messageStoragePolicy: storagePolicyOf(given),
    state: "ACTIVE",
  };
  checkName("topics", topic.name);
  checkLabels(topic.labels);
  if (topic.messageRetentionDuration !== undefined) {
    within("message_retention_duration", topic.messageRetentionDuration, 600, 31 * DAY);
  }
  return topic;
}

export function checkPushConfig(push: PushConfig): PushConfig {
  if (push.pushEndpoint) {
    const valid = URL.canParse(push.pushEndpoint) && /^https?:$/.test(new URL(push.pushEndpoint).protocol);
    if (!valid) {
      throw new ApiError(400, `Invalid push endpoint given (endpoint=${push.pushEndpoint}).`);
    }
    if (push.noWrapper && push.pubsubWrapper) throw new ApiError(400, "Only one wrapper may be set in push_config.");
  }
  return push;
}

/**
 * A subscription from what a client sent, with the documented defaults, checked.
 * https://cloud.google.com/pubsub/docs/subscription-properties
 */
export function subscriptionFrom(given: Json): Subscription {
  const { enableExactlyOnceDelivery, ...rest } = given as Partial<Subscription>;
  if (enableExactlyOnceDelivery && rest.pushConfig?.pushEndpoint) {
    throw new ApiError(
      400,
      "Exactly-once delivery is for subscriptions that are pulled: a push subscription cannot have it.",
    );
  }
  const subscription: Subscription = {
    ...rest,
    name: String(rest.name),
    topic: String(rest.topic),
    pushConfig: checkPushConfig(rest.pushConfig ?? {}),
    ackDeadlineSeconds: rest.ackDeadlineSeconds || 10,
    messageRetentionDuration: rest.messageRetentionDuration ?? `${7 * DAY}s`,
    expirationPolicy: rest.expirationPolicy ?? { ttl: `${31 * DAY}s` },
    ...(enableExactlyOnceDelivery && { enableExactlyOnceDelivery }),
    state: "ACTIVE",
  };
  checkName("subscriptions", subscription.name);
  checkLabels(subscription.labels);
  const deadline = subscription.ackDeadlineSeconds;
  if (deadline < 10 || deadline > 600) throw outOfRange("ack_deadline_seconds", deadline, 10, 600);
  within("message_retention_duration", subscription.messageRetentionDuration, 600, 31 * DAY);
  const { ttl } = subscription.expirationPolicy;
  if (ttl !== undefined) within("expiration_policy.ttl", ttl, DAY, Number.MAX_SAFE_INTEGER);
  if (subscription.filter) parseFilter(subscription.filter);
  else delete subscription.filter;
  if (subscription.deadLetterPolicy) {
    const { deadLetterTopic, maxDeliveryAttempts } = subscription.deadLetterPolicy;
    const policy = { deadLetterTopic, maxDeliveryAttempts: maxDeliveryAttempts || 5 };
    checkName("topics", String(deadLetterTopic));
    if (policy.maxDeliveryAttempts < 5 || policy.maxDeliveryAttempts > 100) {
      throw outOfRange("max_delivery_attempts", policy.maxDeliveryAttempts, 5, 100);
    }
    subscription.deadLetterPolicy = policy;
  }
  if (subscription.retryPolicy) {
    const { minimumBackoff = "10s", maximumBackoff = "600s" } = subscription.retryPolicy;
    within("retry_policy.minimum_backoff", minimumBackoff, 0, 600);
    within("retry_policy.maximum_backoff", maximumBackoff, 0, 600);
    if (durationSeconds(minimumBackoff) > durationSeconds(maximumBackoff)) {
      throw new ApiError(400, "The minimum_backoff of the retry_policy is larger than its maximum_backoff.");
    }
    subscription.retryPolicy = { minimumBackoff, maximumBackoff };
  }
  return subscription;
}

function maskPaths(kind: "Topic" | "Subscription", mask: string[]): string[] {
  const request = `Update${kind}Request`;
  if (mask.length === 0) {
    throw new ApiError(400, `The update_mask in the ${request} must be set, and must contain a non-empty paths list.`);
  }
  const known = kind === "Topic" ? TOPIC_UPDATES : SUBSCRIPTION_UPDATES;
  return mask.map((path) => {
    const field = camel(path.split(".")[0] ?? "");
    if (FIXED[kind].includes(field)) {
      throw new ApiError(
        400,
        `Invalid update_mask provided in the ${request}: the '${snake(field)}' field in the ${kind} is not mutable.`,
      );
    }
    if (!known.includes(field)) {
      throw new ApiError(
        400,
        `Invalid update_mask provided in the ${request}: '${path}' is not a known ${kind} field. Note that field paths must be of the form 'push_config' rather than 'pushConfig'.`,
      );
    }
    return camel(path);
  });
}

/**
 * `current` with the masked fields of `given`: what the mask names and the request leaves out is cleared. A path may go
 * into a field (`push_config.push_endpoint`).
 */
export function masked(kind: "Topic" | "Subscription", current: object, given: Json, mask: string[]): Json {
  const merged: Json = structuredClone({ ...current });
  for (const path of maskPaths(kind, mask)) {
    const parts = path.split(".");
    const last = parts.pop() ?? "";
    let target = merged;
    let source: Json | undefined = given;
    for (const part of parts) {
      const inner: Json = { ...(target[part] as Json | undefined) };
      target[part] = inner;
      target = inner;
      source = source?.[part] as Json | undefined;
    }
    if (source?.[last] === undefined) delete target[last];
    else target[last] = source[last];
  }
  return merged;
}
