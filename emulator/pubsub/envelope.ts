import { createHash } from "node:crypto";
import type { World } from "../frame/world.ts";
import type { Entry } from "./backlog.ts";
import type { Subscription } from "./resources.ts";

export interface PushRequest {
  headers: Record<string, string>;
  body: Buffer;
}

/** Names and values that can stand in an HTTP header. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The wrapped body. Both spellings of id and time are on the wire (recorded); `deliveryAttempt` only with a dead-letter
 * policy. https://cloud.google.com/pubsub/docs/push
 */
function wrapped(entry: Entry, subscription: Subscription): Buffer {
  const { attributes, data, messageId, publishTime, orderingKey } = entry.message;
  return Buffer.from(
    JSON.stringify({
      ...(subscription.deadLetterPolicy && { deliveryAttempt: entry.attempts }),
      message: {
        ...(attributes && { attributes }),
        ...(data && { data }),
        messageId,
        message_id: messageId,
        ...(orderingKey && { orderingKey }),
        publishTime,
        publish_time: publishTime,
      },
      subscription: subscription.name,
    }),
  );
}

/** With `writeMetadata`, ids go into `x-goog-pubsub-*` headers and each attribute into a header of its own name. */
function unwrapped(entry: Entry, subscription: Subscription): PushRequest {
  const { attributes = {}, data = "", messageId, publishTime, orderingKey } = entry.message;
  const body = Buffer.from(data, "base64");
  if (!subscription.pushConfig.noWrapper?.writeMetadata) return { headers: {}, body };
  const legal = Object.entries(attributes).filter(([k, v]) => HEADER_NAME.test(k) && HEADER_VALUE.test(v));
  return {
    headers: {
      ...Object.fromEntries(legal.map(([key, value]) => [key.toLowerCase(), value])),
      "x-goog-pubsub-subscription-name": subscription.name,
      "x-goog-pubsub-message-id": messageId,
      "x-goog-pubsub-publish-time": publishTime,
      ...(orderingKey && HEADER_VALUE.test(orderingKey) && { "x-goog-pubsub-ordering-key": orderingKey }),
    },
    body,
  };
}

/** The Authorization header of an authenticated push: an identity token of the account, for the endpoint by default. */
function bearer(world: World, { pushConfig }: Subscription): Record<string, string> {
  const { oidcToken, pushEndpoint } = pushConfig;
  if (!oidcToken?.serviceAccountEmail) return {};
  const email = oidcToken.serviceAccountEmail;
  const claims = { aud: oidcToken.audience || pushEndpoint, email, sub: subjectOf(email), azp: subjectOf(email) };
  return { authorization: `Bearer ${world.doors.identityToken({ ...claims, email_verified: true })}` };
}

/** A service account's subject is a number of 21 digits; the same one for the same account. */
function subjectOf(email: string): string {
  const number = BigInt(`0x${createHash("sha256").update(email).digest("hex").slice(0, 16)}`);
  return `1${String(number).padStart(20, "0").slice(-20)}`;
}

/** What a plain push subscription posts. */
export function pushRequest(world: World, entry: Entry, subscription: Subscription): PushRequest {
  const common = {
    accept: "application/json",
    from: "noreply@google.com",
    "user-agent": "CloudPubSub-Google",
    ...bearer(world, subscription),
  };
  if (subscription.pushConfig.noWrapper) {
    const { headers, body } = unwrapped(entry, subscription);
    return { headers: { ...common, ...headers }, body };
  }
  return { headers: { "content-type": "application/json", ...common }, body: wrapped(entry, subscription) };
}

/**
 * What an Eventarc trigger, and so a 2nd gen function, is sent: a CloudEvent in binary mode whose data is the envelope.
 * https://github.com/googleapis/google-cloudevents/tree/main/proto/google/events/cloud/pubsub
 */
export function eventRequest(world: World, entry: Entry, subscription: Subscription): PushRequest {
  const { messageId, publishTime } = entry.message;
  const trace = world.ids.hex(32);
  const span = world.ids.hex(16);
  return {
    headers: {
      "content-type": "application/json",
      accept: "application/json",
      from: "noreply@google.com",
      "user-agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
      ...bearer(world, subscription),
      "x-cloud-trace-context": `${trace}/${BigInt(`0x${span}`)}`,
      traceparent: `00-${trace}-${span}-01`,
      "ce-id": messageId,
      "ce-source": `//pubsub.googleapis.com/${subscription.topic}`,
      "ce-specversion": "1.0",
      "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
      "ce-time": publishTime,
    },
    body: wrapped(entry, subscription),
  };
}
