import { ApiError } from "../frame/errors.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import type { PubsubCore } from "../pubsub/core.ts";

/** https://cloud.google.com/eventarc/docs/reference/rest/v1/projects.locations.triggers */
export interface Trigger {
  name: string;
  uid: string;
  createTime: string;
  updateTime: string;
  eventFilters: { attribute: string; value: string; operator?: string }[];
  serviceAccount?: string;
  /** A function's own trigger names the function, and cannot be made through this API. */
  destination: { httpEndpoint: { uri: string }; networkConfig?: object } | { cloudFunction: string };
  transport: { pubsub: { topic: string; subscription: string } };
  labels?: Record<string, string>;
  eventDataContentType?: string;
  etag: string;
}

export type Kept = Trigger & { ownTopic: boolean };

export const PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished";

/** What Eventarc gives the subscriptions it makes. https://cloud.google.com/eventarc/docs/retry-events */
const RETENTION = "86400s";
const MOST_BACKOFF = "600s";

/** The triggers that there are, with what each has in Pub/Sub. */
export class TriggerStore {
  readonly triggers = new Map<string, Kept>();
  readonly #world: World;
  readonly #pubsub: PubsubCore;
  readonly #backoffSeconds: number;

  constructor(world: World, pubsub: PubsubCore, backoffSeconds: number) {
    this.#world = world;
    this.#pubsub = pubsub;
    this.#backoffSeconds = backoffSeconds;
  }

  find(name: string): Kept {
    const trigger = this.triggers.get(name);
    if (!trigger) throw new ApiError(404, `Resource '${name}' was not found`);
    return trigger;
  }

  #on(topic: string): Kept[] {
    return [...this.triggers.values()].filter(({ transport }) => transport.pubsub.topic === topic);
  }

  /** The topic and the push subscription behind a trigger. */
  subscribe(
    name: string,
    asked: string | undefined,
    { pushEndpoint, oidcToken }: { pushEndpoint: (topic: string) => string; oidcToken?: object },
    ackDeadlineSeconds?: number,
  ): { topic: string; subscription: string; ownTopic: boolean } {
    const [, project = "", , location = "", , id = ""] = name.split("/");
    const number = this.#world.ids.numeric().slice(-3);
    const topic = asked
      ? this.#pubsub.topic(asked).name
      : this.#pubsub.createTopic({ name: `projects/${project}/topics/eventarc-${location}-${id}-${number}` }).name;
    const { name: subscription } = this.#pubsub.createSubscription(
      {
        name: `projects/${project}/subscriptions/eventarc-${location}-${id}-sub-${number}`,
        topic,
        pushConfig: { pushEndpoint: pushEndpoint(topic), ...(oidcToken && { oidcToken }) },
        ...(ackDeadlineSeconds !== undefined && { ackDeadlineSeconds }),
        messageRetentionDuration: RETENTION,
        expirationPolicy: {},
        retryPolicy: { minimumBackoff: `${this.#backoffSeconds}s`, maximumBackoff: MOST_BACKOFF },
      },
      true,
    );
    // A topic that a trigger made goes with the last trigger it has.
    return { topic, subscription, ownTopic: !asked || this.#on(topic).some(({ ownTopic }) => ownTopic) };
  }

  keep(made: Omit<Kept, "uid" | "createTime" | "updateTime" | "etag">): Kept {
    const now = utc(this.#world.clock.now());
    const trigger = {
      ...made,
      uid: this.#world.ids.uuid(),
      createTime: now,
      updateTime: now,
      etag: this.#world.ids.fingerprint(),
    };
    this.triggers.set(trigger.name, trigger);
    this.#world.changed();
    return trigger;
  }

  /** Also removes what the trigger made: its subscription, and the topic unless it was there before. */
  drop(trigger: Kept): void {
    this.triggers.delete(trigger.name);
    this.#world.changed();
    const { topic, subscription } = trigger.transport.pubsub;
    for (const remove of [
      () => this.#pubsub.deleteSubscription(subscription),
      ...(trigger.ownTopic && this.#on(topic).length === 0 ? [() => this.#pubsub.deleteTopic(topic)] : []),
    ]) {
      try {
        remove();
      } catch (problem) {
        // Somebody removed it by hand before.
        if (!(problem instanceof ApiError && problem.code === 404)) throw problem;
      }
    }
  }
}
