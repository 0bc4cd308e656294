import { ApiError } from "../frame/errors.ts";
import { durationSeconds, type Json } from "../frame/fields.ts";
import { utc } from "../frame/time.ts";
import { byId, type World } from "../frame/world.ts";
import { type Entry, newConsumer } from "./backlog.ts";
import { checkMessages, type NewMessage, outOfRange } from "./messages.ts";
import { alreadyExists, checkName, notFound, projectOf, shortName } from "./names.ts";
import {
  DELETED_SCHEMA,
  DELETED_TOPIC,
  type Message,
  type PushConfig,
  type Subscription,
  type Topic,
} from "./resources.ts";
import { Schemas } from "./schemas.ts";
import { checkPushConfig, masked, subscriptionFrom, topicFrom } from "./settings.ts";
import { type SavedSnapshot, type Snapshot, Snapshots } from "./snapshots.ts";
import { invalidAckIds, type Received, type SavedSubscriber, Subscriber } from "./subscriber.ts";

export interface SavedPubsub {
  topics: Topic[];
  subscriptions: SavedSubscriber[];
  snapshots?: SavedSnapshot[];
}

/** How long a pull waits for a first message, in real time. */
const PULL_WAIT_MS = 5_000;

const MOST_ACK_IDS = 2500;

/** Topics, subscriptions and what flows between them; both transports say only how it is spelled on their wire. */
export class PubsubCore {
  readonly #world: World;
  readonly #topics = new Map<string, Topic>();
  readonly #subscribers = new Map<string, Subscriber>();
  readonly snapshots: Snapshots;
  readonly schemas: Schemas;

  constructor(world: World) {
    this.#world = world;
    this.snapshots = new Snapshots(world);
    this.schemas = new Schemas(world);
  }

  #topicFrom(given: Json): Topic {
    const topic = topicFrom(given);
    const { schemaSettings } = topic;
    if (schemaSettings && schemaSettings.schema !== DELETED_SCHEMA) {
      topic.schemaSettings = this.schemas.checkSettings(schemaSettings);
    }
    return topic;
  }

  createTopic(given: Json): Topic {
    const topic = this.#topicFrom({ ...given, name: this.#id(given.name) });
    if (this.#topics.has(topic.name)) throw alreadyExists(topic.name);
    this.#topics.set(topic.name, topic);
    this.#world.changed();
    return topic;
  }

  topic(name: string): Topic {
    const topic = this.#topics.get(checkName("topics", this.#id(name)));
    if (!topic) throw notFound(name);
    return topic;
  }

  updateTopic(given: Json, mask: string[]): Topic {
    const current = this.topic(String(given.name));
    const topic = this.#topicFrom(masked("Topic", current, given, mask));
    this.#topics.set(topic.name, topic);
    this.#world.changed();
    return topic;
  }

  /** Subscriptions of the topic stay, with what they hold. */
  deleteTopic(name: string): void {
    const topic = this.topic(name);
    this.#topics.delete(topic.name);
    for (const subscriber of this.#of(topic.name)) {
      subscriber.subscription = { ...subscriber.subscription, topic: DELETED_TOPIC };
    }
    this.#world.changed();
  }

  /** Topics that demand it stay, and take no message any more. */
  deleteSchema(asked: string): void {
    const name = this.schemas.delete(asked);
    for (const topic of this.#topics.values()) {
      if (topic.schemaSettings?.schema === name) topic.schemaSettings.schema = DELETED_SCHEMA;
    }
  }

  topics(project: string): Topic[] {
    return inProject(this.#topics.values(), this.#id(`${project}/`));
  }

  #of(topic: string): Subscriber[] {
    return [...this.#subscribers.values()].filter(({ subscription }) => subscription.topic === topic);
  }

  topicSubscriptions(topic: string): string[] {
    return this.#of(this.topic(topic).name)
      .filter(({ subscription }) => !subscription.detached)
      .map(({ subscription }) => subscription.name)
      .sort();
  }

  publish(name: string, messages: NewMessage[]): string[] {
    const topic = this.topic(name);
    checkMessages(messages);
    const publishTime = utc(this.#world.clock.now());
    const subscribers = this.#of(topic.name);
    // All are held against the topic's schema before the first is published.
    const attributesOf = messages.map(({ data = "", attributes }) => {
      if (!topic.schemaSettings) return attributes;
      return { ...attributes, ...this.schemas.attributesFor(topic.schemaSettings, Buffer.from(data, "base64")) };
    });
    const published = messages.map(({ data, orderingKey }, i): Message => {
      const attributes = attributesOf[i];
      const message = {
        ...(data && { data }),
        ...(attributes && Object.keys(attributes).length > 0 && { attributes }),
        messageId: this.#world.ids.numeric(),
        publishTime,
        ...(orderingKey && { orderingKey }),
      };
      return message;
    });
    for (const subscriber of subscribers) for (const message of published) subscriber.deliver(message);
    this.snapshots.published(topic.name, published);
    this.#world.changed();
    return published.map(({ messageId }) => messageId);
  }

  /** `events`: deliveries are CloudEvents; only Eventarc makes such subscriptions. */
  createSubscription(given: Json, events = false): Subscription {
    const subscription = subscriptionFrom({
      ...given,
      name: this.#nameOf(given, "subscriptions", projectOf(given.topic)),
      topic: this.#id(given.topic),
    });
    const topic = this.topic(subscription.topic);
    if (this.#subscribers.has(subscription.name)) throw alreadyExists(subscription.name);
    this.#add({ ...subscription, topic: topic.name }, events);
    this.#world.changed();
    return this.#shown(subscription);
  }

  #add(subscription: Subscription, events: boolean): Subscriber {
    const subscriber = new Subscriber(this.#world, subscription, {
      events,
      bury: (entry) => this.#bury(subscriber.subscription, entry),
      expired: () => this.deleteSubscription(subscription.name),
      replayMs: () => this.#replayMs(subscriber.subscription),
    });
    this.#subscribers.set(subscription.name, subscriber);
    return subscriber;
  }

  /** Acknowledged messages are kept for their subscription's sake, or for their topic's. */
  #replayMs({ topic, retainAckedMessages, messageRetentionDuration }: Subscription): number {
    const own = retainAckedMessages ? messageRetentionDuration : "0s";
    const shared = this.#topics.get(topic)?.messageRetentionDuration ?? "0s";
    return Math.max(durationSeconds(own), durationSeconds(shared)) * 1000;
  }

  /** Forwards a message to the dead-letter topic. https://cloud.google.com/pubsub/docs/handling-failures#dead_letter_topic */
  #bury({ name, deadLetterPolicy }: Subscription, { message, attempts }: Entry): boolean {
    const topic = deadLetterPolicy && this.#topics.get(this.#id(deadLetterPolicy.deadLetterTopic));
    if (!topic) return false;
    const [, project = ""] = name.split("/");
    const source = "CloudPubSubDeadLetterSource";
    this.publish(topic.name, [
      {
        ...(message.data && { data: message.data }),
        ...(message.orderingKey && { orderingKey: message.orderingKey }),
        attributes: {
          ...message.attributes,
          [`${source}DeliveryCount`]: String(attempts),
          [`${source}Subscription`]: shortName(name),
          [`${source}SubscriptionProject`]: project,
          [`${source}TopicPublishTime`]: message.publishTime,
        },
      },
    ]);
    return true;
  }

  subscriber(name: string): Subscriber {
    const subscriber = this.#subscribers.get(checkName("subscriptions", this.#id(name)));
    if (!subscriber) throw notFound(name);
    return subscriber;
  }

  /** A subscription as the API shows it. */
  subscription(name: string): Subscription {
    return this.#shown(this.subscriber(name).subscription);
  }

  #shown(subscription: Subscription): Subscription {
    const retention = this.#topics.get(subscription.topic)?.messageRetentionDuration;
    return { ...subscription, ...(retention !== undefined && { topicMessageRetentionDuration: retention }) };
  }

  updateSubscription(given: Json, mask: string[]): Subscription {
    const subscriber = this.subscriber(String(given.name));
    subscriber.subscription = subscriptionFrom(masked("Subscription", subscriber.subscription, given, mask));
    this.#world.changed();
    const { pushConfig } = subscriber.subscription;
    // The answer names the version that deliveries follow; a read afterwards does not (so Google's Go suite has it).
    const attributes = { "x-goog-version": "v1", ...pushConfig.attributes };
    return { ...this.#shown(subscriber.subscription), pushConfig: { ...pushConfig, attributes } };
  }

  modifyPushConfig(name: string, pushConfig: PushConfig): void {
    const subscriber = this.subscriber(name);
    subscriber.subscription = subscriptionFrom({
      ...subscriber.subscription,
      pushConfig: checkPushConfig(pushConfig),
    });
    this.#world.changed();
  }

  createSnapshot(given: Json): Snapshot {
    const { subscription, backlog } = this.subscriber(String(given.subscription));
    const snapshot = this.snapshots.create(
      { ...given, name: this.#nameOf(given, "snapshots", projectOf(subscription.name)) },
      subscription.topic,
      backlog.messages,
    );
    this.#world.changed();
    return snapshot;
  }

  topicSnapshots(topic: string): string[] {
    const { name } = this.topic(topic);
    return this.listSnapshots(name.split("/").slice(0, 2).join("/"))
      .filter((snapshot) => snapshot.topic === name)
      .map((snapshot) => snapshot.name);
  }

  listSnapshots(project: string): Snapshot[] {
    return inProject(this.snapshots.all(), this.#id(`${project}/`));
  }

  /** To an instant, or to what a snapshot of the same topic holds. https://cloud.google.com/pubsub/docs/replay-overview */
  seek(name: string, { time, snapshot }: { time?: string; snapshot?: string }): void {
    const subscriber = this.subscriber(name);
    if (time !== undefined) {
      subscriber.seek({ instant: Date.parse(time) });
      return;
    }
    if (!snapshot) throw new ApiError(400, "A seek needs a time or a snapshot.");
    const found = this.snapshots.get(this.#id(snapshot));
    if (found.topic !== subscriber.subscription.topic) {
      throw new ApiError(400, "The snapshot is of another topic than the subscription.", {
        status: "FAILED_PRECONDITION",
      });
    }
    subscriber.seek({ messages: this.snapshots.messages(found.name) });
  }

  detachSubscription(name: string): void {
    this.subscriber(name).detach();
    this.#world.changed();
  }

  deleteSubscription(name: string): void {
    const subscriber = this.subscriber(name);
    this.#subscribers.delete(subscriber.subscription.name);
    subscriber.close(notFound(name));
    subscriber.backlog.clear();
    this.#world.changed();
  }

  subscriptions(project: string): Subscription[] {
    return inProject(
      [...this.#subscribers.values()].map(({ subscription }) => this.#shown(subscription)),
      this.#id(`${project}/`),
    );
  }

  /** Waits a while for a first message, unless told to return at once. `gone` ends the wait: the caller left. */
  async pull(name: string, max: number, atOnce: boolean, gone?: AbortSignal): Promise<Received[]> {
    const subscriber = this.subscriber(name);
    subscriber.checkPullable();
    if (max < 1) throw outOfRange("max_messages", max, 1, 1000);
    const take = () => {
      const leaseMs = subscriber.subscription.ackDeadlineSeconds * 1000;
      return subscriber.receive(newConsumer(), Math.min(max, 1000), Number.POSITIVE_INFINITY, leaseMs);
    };
    const received = take();
    if (received.length > 0 || atOnce) return received;
    if (gone?.aborted) return [];
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        clearTimeout(timer);
        gone?.removeEventListener("abort", leave);
        detach();
      };
      const leave = () => {
        stopWaiting();
        resolve([]);
      };
      const timer = setTimeout(leave, PULL_WAIT_MS);
      gone?.addEventListener("abort", leave);
      const detach = subscriber.attach({
        offer: () => {
          const taken = take();
          if (taken.length > 0) {
            stopWaiting();
            resolve(taken);
          }
          return taken.length;
        },
        end: (reason) => {
          stopWaiting();
          reject(reason);
        },
      });
    });
  }

  acknowledge(name: string, ackIds: string[]): void {
    const invalid = this.#ackIds(name, ackIds).acknowledge(ackIds);
    if (invalid.length > 0) throw invalidAckIds(invalid);
  }

  modifyAckDeadline(name: string, ackIds: string[], seconds: number): void {
    const subscriber = this.#ackIds(name, ackIds);
    if (seconds < 0 || seconds > 600) throw outOfRange("ack_deadline_seconds", seconds, 0, 600);
    const invalid = subscriber.modifyAckDeadline(ackIds.map((ackId) => ({ ackId, seconds })));
    if (invalid.length > 0) throw invalidAckIds(invalid);
  }

  #ackIds(name: string, ackIds: string[]): Subscriber {
    const subscriber = this.subscriber(name);
    if (ackIds.length < 1 || ackIds.length > MOST_ACK_IDS) {
      throw outOfRange("ack_ids_count", ackIds.length, 1, MOST_ACK_IDS);
    }
    return subscriber;
  }

  /** The name in a request to make something, or a drawn one: gRPC callers may leave it to the server. */
  #nameOf({ name }: Json, kind: "subscriptions" | "snapshots", project: string): string {
    return this.#id(name || `${project}/${kind}/${kind.slice(0, -1)}-${this.#world.ids.hex(16)}`);
  }

  #id(name: unknown): string {
    return byId(this.#world, String(name ?? ""));
  }

  save(): SavedPubsub {
    return {
      topics: [...this.#topics.values()],
      subscriptions: [...this.#subscribers.values()].map((subscriber) => subscriber.save()),
      snapshots: this.snapshots.save(),
    };
  }

  load({ topics, subscriptions, snapshots }: SavedPubsub): void {
    this.snapshots.load(snapshots);
    for (const topic of topics) this.#topics.set(topic.name, topic);
    for (const { subscription, events = false, backlog } of subscriptions) {
      const subscriber = this.#add(subscription, events);
      for (const { message, attempts, acknowledged } of backlog) {
        if (acknowledged) subscriber.backlog.keep(message);
        else subscriber.backlog.add(message, attempts);
      }
    }
  }

  close(): void {
    const reason = new ApiError(503, "The service was unable to fulfill your request. Please try again.");
    for (const subscriber of this.#subscribers.values()) subscriber.close(reason);
  }
}

function inProject<T extends { name: string }>(all: Iterable<T>, prefix: string): T[] {
  return [...all].filter(({ name }) => name.startsWith(prefix)).sort((a, b) => (a.name < b.name ? -1 : 1));
}
