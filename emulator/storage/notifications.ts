import { ApiError } from "../frame/errors.ts";
import type { Call } from "../frame/http.ts";
import { utcMicros } from "../frame/micros.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import type { Buckets } from "./buckets.ts";
import type { Bucket, Generation, Json, Notification } from "./model.ts";
import { checkFields, invalid, permit } from "./problems.ts";
import { objectResource } from "./resources.ts";

/** https://cloud.google.com/storage/docs/pubsub-notifications */
export type EventType = "OBJECT_FINALIZE" | "OBJECT_METADATA_UPDATE" | "OBJECT_DELETE" | "OBJECT_ARCHIVE";

export type Announce = (
  bucket: Bucket,
  type: EventType,
  one: Generation,
  /** Attributes that only this event has, e.g. `overwroteGeneration`. */
  extra?: Record<string, string>,
) => void;

const EVENT_TYPES: readonly string[] = [
  "OBJECT_FINALIZE",
  "OBJECT_METADATA_UPDATE",
  "OBJECT_DELETE",
  "OBJECT_ARCHIVE",
] satisfies EventType[];
/** gcloud leaves the service out; what is shown always has it. */
const TOPIC = /^(?:\/\/pubsub\.googleapis\.com\/)?(projects\/[^/]+\/topics\/[^/]+)$/;
const FIELDS = new Set(
  "kind id selfLink etag topic payload_format event_types custom_attributes object_name_prefix".split(" "),
);
const MOST_PER_BUCKET = 100;
const MOST_PER_EVENT = 10;

function wants(notification: Notification, type: EventType, name: string): boolean {
  const { event_types, object_name_prefix = "" } = notification;
  return (event_types === undefined || event_types.includes(type)) && name.startsWith(object_name_prefix);
}

/** Publishes what happens to objects to the topics the bucket names. A topic that is gone loses its messages. */
export function createAnnounce(world: World, buckets: Buckets): Announce {
  return (bucket, type, one, extra) => {
    for (const notification of bucket.notifications) {
      if (!wants(notification, type, one.name)) continue;
      const topic = TOPIC.exec(notification.topic)?.[1] ?? "";
      const data = Buffer.from(JSON.stringify(objectResource(world, bucket, one))).toString("base64");
      world.doors.publish(topic, {
        ...(notification.payload_format === "JSON_API_V1" && { data }),
        attributes: {
          ...notification.custom_attributes,
          notificationConfig: `projects/_/buckets/${bucket.name}/notificationConfigs/${notification.id}`,
          eventType: type,
          payloadFormat: notification.payload_format,
          bucketId: bucket.name,
          objectId: one.name,
          objectGeneration: one.generation,
          eventTime: utcMicros(buckets.micros.next()),
          ...extra,
        },
      });
    }
  };
}

function notificationOf(world: World, bucket: Bucket, body: Json): Notification {
  checkFields(world, body, FIELDS);
  const { topic, payload_format, event_types, custom_attributes, object_name_prefix } = body;
  const named = typeof topic === "string" ? TOPIC.exec(topic)?.[1] : undefined;
  if (named === undefined) throw invalid(`Invalid Google Cloud Pub/Sub topic. ${String(topic ?? "")}`);
  if (payload_format !== "JSON_API_V1" && payload_format !== "NONE") {
    throw invalid(`Invalid payload_format: ${String(payload_format ?? "")}. It must be JSON_API_V1 or NONE.`);
  }
  const types = Array.isArray(event_types) && event_types.length > 0 ? event_types.map(String) : undefined;
  const unknown = types?.find((type) => !EVENT_TYPES.includes(type));
  if (unknown !== undefined) throw invalid(`Invalid value for event_types: ${unknown}`);
  const attributes = Object.entries((custom_attributes ?? {}) as Json).map(([key, value]) => [key, String(value)]);
  if (attributes.length > 10) throw invalid("A notification may have at most 10 custom attributes.");
  if (bucket.notifications.length >= MOST_PER_BUCKET) {
    throw invalid(`Bucket ${bucket.name} has too many notifications: at most ${MOST_PER_BUCKET} are allowed.`);
  }
  for (const type of types ?? EVENT_TYPES) {
    const same = bucket.notifications.filter(({ event_types: its }) => its === undefined || its.includes(type));
    if (same.length >= MOST_PER_EVENT) {
      throw invalid(
        `Too many overlapping notifications for event type ${type}: at most ${MOST_PER_EVENT} are allowed.`,
      );
    }
  }
  return {
    id: String(bucket.notificationsMade + 1),
    topic: `//pubsub.googleapis.com/${named}`,
    payload_format,
    ...(types && { event_types: types }),
    ...(attributes.length > 0 && { custom_attributes: Object.fromEntries(attributes) }),
    ...(typeof object_name_prefix === "string" && object_name_prefix !== "" && { object_name_prefix }),
  };
}

export function notificationRoutes(world: World, buckets: Buckets): Route[] {
  const resource = (bucket: Bucket, notification: Notification) => ({
    kind: "storage#notification",
    selfLink: `${world.origin}/storage/v1/b/${bucket.name}/notificationConfigs/${notification.id}`,
    etag: notification.id,
    ...notification,
  });
  const open = (call: Call, permission: string): Bucket => {
    const { bucket = "" } = call.params;
    permit(world, call.headers, permission, bucket);
    return buckets.get(bucket);
  };
  const one = (bucket: Bucket, call: Call): Notification => {
    const found = bucket.notifications.find(({ id }) => id === call.params.notification);
    if (!found) {
      throw new ApiError(404, `Notification config ${call.params.notification} not found.`, { reason: "notFound" });
    }
    return found;
  };
  const path = "/b/{bucket}/notificationConfigs";
  return [
    {
      id: "storage.notifications.insert",
      method: "POST",
      path,
      run: (call) => {
        const bucket = open(call, "storage.buckets.update");
        const notification = notificationOf(world, bucket, call.json());
        bucket.notificationsMade += 1;
        bucket.notifications.push(notification);
        world.changed();
        return { json: resource(bucket, notification) };
      },
    },
    {
      id: "storage.notifications.list",
      method: "GET",
      path,
      run: (call) => {
        const bucket = open(call, "storage.buckets.get");
        const items = bucket.notifications.map((notification) => resource(bucket, notification));
        return { json: { kind: "storage#notifications", ...(items.length > 0 && { items }) } };
      },
    },
    {
      id: "storage.notifications.get",
      method: "GET",
      path: `${path}/{notification}`,
      run: (call) => {
        const bucket = open(call, "storage.buckets.get");
        return { json: resource(bucket, one(bucket, call)) };
      },
    },
    {
      id: "storage.notifications.delete",
      method: "DELETE",
      path: `${path}/{notification}`,
      run: (call) => {
        const bucket = open(call, "storage.buckets.update");
        const gone = one(bucket, call);
        bucket.notifications = bucket.notifications.filter((other) => other !== gone);
        world.changed();
        return { status: 204 };
      },
    },
  ];
}
