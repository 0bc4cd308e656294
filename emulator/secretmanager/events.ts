import type { World } from "../frame/world.ts";
import type { Json, Secret, Version } from "./model.ts";
import { failedPrecondition } from "./problems.ts";
import { secretName, secretResource, versionName, versionResource } from "./resources.ts";
import { pacificText } from "./times.ts";

/** https://cloud.google.com/secret-manager/docs/event-notifications */
export type EventType =
  | "SECRET_CREATE"
  | "SECRET_UPDATE"
  | "SECRET_DELETE"
  | "SECRET_VERSION_ADD"
  | "SECRET_VERSION_ENABLE"
  | "SECRET_VERSION_DISABLE"
  | "SECRET_VERSION_DESTROY"
  | "SECRET_VERSION_DESTROY_SCHEDULED"
  | "SECRET_ROTATE";

/** Recorded messages have their keys sorted. */
function encoded(resource: Json): string {
  const sorted = Object.fromEntries(Object.entries(resource).sort(([a], [b]) => (a < b ? -1 : 1)));
  return Buffer.from(JSON.stringify(sorted)).toString("base64");
}

/** Tells the secret's topics what happened at an instant (microseconds). A topic that is gone loses its messages. */
export function announce(
  world: World,
  type: EventType,
  at: number,
  secret: Secret,
  version?: Version,
  deleteType?: "REQUESTED" | "EXPIRATION",
): void {
  const resource = version ? versionResource(world, secret, version) : secretResource(world, secret);
  for (const topic of secret.topics) {
    world.doors.publish(topic, {
      data: encoded(resource),
      attributes: {
        eventType: type,
        dataFormat: "JSON_API_V1",
        secretId: secretName(world, secret),
        ...(version && { versionId: versionName(world, secret, version) }),
        timestamp: pacificText(at),
        ...(deleteType && { deleteType }),
      },
    });
  }
}

/** Each time topics are set, each gets a test message; one that cannot be published to refuses the request. */
export function announceTopics(world: World, topics: string[]): void {
  for (const topic of topics) {
    if (world.doors.publish(topic, { attributes: { eventType: "TOPIC_CONFIGURED" } })) continue;
    throw failedPrecondition(
      `Failed to publish a message to topic [${topic}]. Make sure that it exists and that service-${world.projectNumber}@gcp-sa-secretmanager.iam.gserviceaccount.com may publish to it.`,
    );
  }
}
