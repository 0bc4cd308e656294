import { type Message, PubSub, type Subscription, type Topic, v1 } from "@google-cloud/pubsub";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emulatorOnly, failure, openPlace, type Place } from "./place.ts";

let place: Place;
let pubsub: PubSub;
beforeAll(async () => {
  place = await openPlace();
  pubsub = place.opened(new PubSub({ projectId: place.project }));
});
afterAll(() => place.close());

const makeTopic = async (what: string, more: object = {}): Promise<Topic> => {
  const name = `projects/${place.project}/topics/${place.name(what)}`;
  const [topic] = await pubsub.createTopic({ name, ...more });
  place.later(topic.name, () => topic.delete());
  return topic;
};
const subscribe = async (topic: Topic, more: object = {}): Promise<Subscription> => {
  const [subscription] = await topic.createSubscription(place.name("sub"), more);
  place.later(subscription.name, () => subscription.delete());
  return subscription;
};
/** Messages as they come, until there are so many; each acknowledged unless `treat` does otherwise. */
const receive = (
  subscription: Subscription,
  wanted: number,
  treat: (message: Message, nth: number) => void = (message) => message.ack(),
): Promise<Message[]> =>
  new Promise((resolve, reject) => {
    const got: Message[] = [];
    subscription.on("error", reject);
    subscription.on("message", (message: Message) => {
      if (got.length >= wanted) return;
      got.push(message);
      treat(message, got.length);
      if (got.length === wanted) void subscription.close().then(() => resolve(got), reject);
    });
  });
const texts = (messages: Message[]) => messages.map(({ data }) => data.toString()).sort();
const codeOf = async (work: Promise<unknown>) => (await failure(work)).code;

describe("topics and subscriptions", () => {
  test("a topic has what it was made with", async () => {
    const topic = await makeTopic("made", { labels: { app: "web" }, messageRetentionDuration: { seconds: 600 } });
    const [metadata] = await topic.getMetadata();
    expect(metadata).toMatchObject({ name: topic.name, labels: { app: "web" } });
    expect(Number(metadata.messageRetentionDuration?.seconds)).toBe(600);
  });

  test("a second topic of the same name, and a second subscription, are ALREADY_EXISTS", async () => {
    const topic = await makeTopic("twice");
    expect(await codeOf(pubsub.createTopic(topic.name))).toBe(6);
    const subscription = await subscribe(topic);
    expect(await codeOf(topic.createSubscription(subscription.name))).toBe(6);
  });

  test.each(["ab", "1st-topic", "goog-topic", "a b c", "ü-topic"])("the name %j is INVALID_ARGUMENT", async (name) => {
    expect(await codeOf(pubsub.createTopic(`projects/${place.project}/topics/${name}`))).toBe(3);
  });

  test("what is not there is NOT_FOUND", async () => {
    const topic = pubsub.topic(place.name("absent"));
    const subscription = pubsub.subscription(place.name("absent"));
    expect([await topic.exists(), await subscription.exists()]).toEqual([[false], [false]]);
    for (const ask of [
      () => topic.getMetadata(),
      () => topic.delete(),
      () => topic.publishMessage({ data: Buffer.from("x") }),
      () => topic.createSubscription(place.name("sub")),
      () => subscription.getMetadata(),
      () => subscription.delete(),
      () => subscription.setMetadata({ ackDeadlineSeconds: 30 }),
    ]) {
      expect(await codeOf(ask())).toBe(5);
    }
  });

  test("labels of a topic change by their mask", async () => {
    const topic = await makeTopic("masked", { labels: { a: "1" } });
    await topic.setMetadata({ labels: { b: "2" } });
    expect((await topic.getMetadata())[0].labels).toEqual({ b: "2" });
  });

  test("a subscription has the defaults of the documentation", async () => {
    const topic = await makeTopic("defaults");
    const [metadata] = await (await subscribe(topic)).getMetadata();
    expect(metadata).toMatchObject({ topic: topic.name, ackDeadlineSeconds: 10, state: "ACTIVE" });
    expect(Number(metadata.messageRetentionDuration?.seconds)).toBe(604_800);
    expect(Number(metadata.expirationPolicy?.ttl?.seconds)).toBe(2_678_400);
  });

  test.each([
    ["a deadline under ten seconds", { ackDeadlineSeconds: 9 }],
    ["a deadline over ten minutes", { ackDeadlineSeconds: 601 }],
    ["a retention under ten minutes", { messageRetentionDuration: { seconds: 599 } }],
    ["a retention over 31 days", { messageRetentionDuration: { seconds: 31 * 86_400 + 1 } }],
    ["a filter that cannot be read", { filter: "attributes.a = (" }],
    ["fewer than five attempts", { deadLetterPolicy: { maxDeliveryAttempts: 4 } }],
    ["a longest wait over ten minutes", { retryPolicy: { maximumBackoff: { seconds: 601 } } }],
  ])("%s is INVALID_ARGUMENT", async (_, more) => {
    const topic = await makeTopic("refused");
    const policy = "deadLetterPolicy" in more && {
      deadLetterPolicy: { ...more.deadLetterPolicy, deadLetterTopic: topic.name },
    };
    expect(await codeOf(topic.createSubscription(place.name("sub"), { ...more, ...policy }))).toBe(3);
  });

  test("a subscription's deadline changes, its filter and ordering do not", async () => {
    const topic = await makeTopic("update");
    const subscription = await subscribe(topic, { filter: 'attributes.a = "1"' });
    await subscription.setMetadata({ ackDeadlineSeconds: 42 });
    expect((await subscription.getMetadata())[0].ackDeadlineSeconds).toBe(42);
    expect(await codeOf(subscription.setMetadata({ filter: 'attributes.a = "2"' }))).toBe(3);
    expect(await codeOf(subscription.setMetadata({ enableMessageOrdering: true }))).toBe(3);
  });

  test("they are listed by page, and by topic", async () => {
    const topic = await makeTopic("listed");
    const names = [(await subscribe(topic)).name, (await subscribe(topic)).name].sort();
    const [its] = await topic.getSubscriptions();
    expect(its.map(({ name }) => name).sort()).toEqual(names);
    const [topics] = await pubsub.getTopics();
    expect(topics.map(({ name }) => name)).toContain(topic.name);
    const [page, next] = await pubsub.getSubscriptions({ pageSize: 1, autoPaginate: false });
    expect([page.length, (next as { pageToken?: string }).pageToken]).toEqual([1, expect.stringMatching(/./)]);
    const [all] = await pubsub.getSubscriptions();
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });

  test("a deleted topic leaves its subscriptions without one", async () => {
    const topic = await makeTopic("orphan");
    const subscription = await subscribe(topic);
    await topic.delete();
    expect((await subscription.getMetadata())[0].topic).toBe("_deleted-topic_");
  });

  test("a detached subscription says so and gives nothing", async () => {
    const topic = await makeTopic("detach");
    const subscription = await subscribe(topic);
    await pubsub.detachSubscription(subscription.name);
    expect(await subscription.detached()).toEqual([true]);
  });

  test("a policy is read and changed", async () => {
    const topic = await makeTopic("policy");
    const [policy] = await topic.iam.getPolicy();
    const binding = { role: "roles/pubsub.viewer", members: [`projectViewer:${place.project}`] };
    await topic.iam.setPolicy({ ...policy, bindings: [binding] });
    const [changed] = await topic.iam.getPolicy();
    expect(changed.bindings).toMatchObject([{ role: binding.role, members: binding.members }]);
    const [granted] = await topic.iam.testPermissions(["pubsub.topics.publish"]);
    expect(granted).toEqual({ "pubsub.topics.publish": true });
  });
});

describe("messages", () => {
  test("a message comes as it was sent, with an id and a time", async () => {
    const topic = await makeTopic("sent");
    const subscription = await subscribe(topic);
    const id = await topic.publishMessage({ data: Buffer.from("zwölf ✓\0"), attributes: { ü: "✓" } });
    const [message] = await receive(subscription, 1);
    expect([message?.data.toString(), message?.attributes, message?.id]).toEqual(["zwölf ✓\0", { ü: "✓" }, id]);
    expect(message?.publishTime.getTime()).toBeGreaterThan(Date.now() - 600_000);
  });

  test("a message of nothing is INVALID_ARGUMENT, one of attributes alone is not", async () => {
    const topic = await makeTopic("nothing");
    expect(await codeOf(topic.publishMessage({ data: Buffer.alloc(0) }))).toBe(3);
    expect(await topic.publishMessage({ attributes: { a: "b" } })).toMatch(/./);
  });

  test("every subscription gets every message", async () => {
    const topic = await makeTopic("fan");
    const both = [await subscribe(topic), await subscribe(topic)];
    await Promise.all(["a", "b", "c"].map((text) => topic.publishMessage({ data: Buffer.from(text) })));
    for (const subscription of both) expect(texts(await receive(subscription, 3))).toEqual(["a", "b", "c"]);
  });

  test("a message that is not taken comes again", async () => {
    const topic = await makeTopic("again");
    const subscription = await subscribe(topic);
    await topic.publishMessage({ data: Buffer.from("x") });
    const got = await receive(subscription, 2, (message, nth) => (nth === 1 ? message.nack() : message.ack()));
    expect(new Set(got.map(({ id }) => id)).size).toBe(1);
  });

  test("messages of one key come in their order", async () => {
    const topic = await makeTopic("ordered");
    topic.setPublishOptions({ messageOrdering: true });
    const subscription = await subscribe(topic, { enableMessageOrdering: true });
    const wanted = Array.from({ length: 20 }, (_, i) => String(i));
    await Promise.all(wanted.map((text) => topic.publishMessage({ data: Buffer.from(text), orderingKey: "k" })));
    const got = await receive(subscription, 20);
    expect(got.map(({ data }) => data.toString())).toEqual(wanted);
    expect(new Set(got.map(({ orderingKey }) => orderingKey))).toEqual(new Set(["k"]));
  });

  test("a filter lets through what it names", async () => {
    const topic = await makeTopic("filtered");
    const filter = 'attributes.kind = "good" AND NOT hasPrefix(attributes.name, "x")';
    const subscription = await subscribe(topic, { filter });
    const send = (attributes: Record<string, string>) => topic.publishMessage({ data: Buffer.from("m"), attributes });
    await send({ kind: "bad", name: "a" });
    await send({ kind: "good", name: "xa" });
    await send({ kind: "good", name: "ax" });
    const [message] = await receive(subscription, 1);
    expect(message?.attributes).toEqual({ kind: "good", name: "ax" });
  });

  emulatorOnly("Pub/Sub's agent needs grants on topic and subscription there")(
    "after five attempts a message is a dead letter",
    async () => {
      const [topic, dead] = [await makeTopic("dying"), await makeTopic("dead")];
      const letters = await subscribe(dead);
      const deadLetterPolicy = { deadLetterTopic: dead.name, maxDeliveryAttempts: 5 };
      const subscription = await subscribe(topic, { deadLetterPolicy });
      await topic.publishMessage({ data: Buffer.from("poison") });
      const attempts = await receive(subscription, 5, (message) => message.nack());
      expect(attempts.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1, 2, 3, 4, 5]);
      const [letter] = await receive(letters, 1);
      expect(letter?.data.toString()).toBe("poison");
      expect(letter?.attributes).toMatchObject({ CloudPubSubDeadLetterSourceDeliveryCount: "5" });
    },
  );

  test("a seek to the past brings back what was acknowledged, a seek to the future takes all", async () => {
    const topic = await makeTopic("seek");
    const before = new Date(Date.now() - 60_000);
    const subscription = await subscribe(topic, { retainAckedMessages: true });
    await topic.publishMessage({ data: Buffer.from("x") });
    expect(texts(await receive(subscription, 1))).toEqual(["x"]);
    await subscription.seek(before);
    expect(texts(await receive(subscription, 1))).toEqual(["x"]);
  });

  test("a snapshot brings back what was not acknowledged when it was taken", async () => {
    const topic = await makeTopic("snapshot");
    const subscription = await subscribe(topic);
    await topic.publishMessage({ data: Buffer.from("kept") });
    const [snapshot] = await subscription.createSnapshot(place.name("snap"));
    place.later(snapshot.name, () => snapshot.delete());
    expect(texts(await receive(subscription, 1))).toEqual(["kept"]);
    await subscription.seek(snapshot.name);
    expect(texts(await receive(subscription, 1))).toEqual(["kept"]);
    expect(await codeOf(subscription.seek(place.name("none")))).toBe(5);
  });
});

describe.each([{ transport: "grpc" }, { transport: "rest" }] as const)(
  "the plain clients over $transport",
  ({ transport }) => {
    let publisher: v1.PublisherClient;
    let subscriber: v1.SubscriberClient;
    beforeAll(() => {
      const options = place[transport] as ConstructorParameters<typeof v1.PublisherClient>[0];
      publisher = place.opened(new v1.PublisherClient(options));
      subscriber = place.opened(new v1.SubscriberClient(options));
    });
    const pair = async () => {
      const topic = `projects/${place.project}/topics/${place.name("plain")}`;
      const subscription = `projects/${place.project}/subscriptions/${place.name("plain")}`;
      place.later(topic, () => publisher.deleteTopic({ topic }));
      await publisher.createTopic({ name: topic });
      place.later(subscription, () => subscriber.deleteSubscription({ subscription }));
      await subscriber.createSubscription({ name: subscription, topic, ackDeadlineSeconds: 10 });
      return { topic, subscription };
    };

    test("publish, pull, acknowledge", async () => {
      const { topic, subscription } = await pair();
      const messages = ["a", "b"].map((text) => ({ data: Buffer.from(text), attributes: { of: text } }));
      const [{ messageIds }] = await publisher.publish({ topic, messages });
      expect(messageIds).toHaveLength(2);
      const got: { ackId: string; text: string }[] = [];
      while (got.length < 2) {
        const [{ receivedMessages = [] }] = await subscriber.pull({ subscription, maxMessages: 10 });
        for (const { ackId, message } of receivedMessages ?? []) {
          got.push({ ackId: ackId ?? "", text: Buffer.from(message?.data as Uint8Array).toString() });
        }
      }
      expect(got.map(({ text }) => text).sort()).toEqual(["a", "b"]);
      await subscriber.acknowledge({ subscription, ackIds: got.map(({ ackId }) => ackId) });
      const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 10, returnImmediately: true });
      expect(receivedMessages).toEqual([]);
    });

    test("a deadline of nothing gives a message back at once", async () => {
      const { topic, subscription } = await pair();
      await publisher.publish({ topic, messages: [{ data: Buffer.from("x") }] });
      const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 1 });
      const ackIds = (receivedMessages ?? []).map(({ ackId }) => ackId ?? "");
      await subscriber.modifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds: 0 });
      const [again] = await subscriber.pull({ subscription, maxMessages: 1 });
      expect(again.receivedMessages).toHaveLength(1);
    });

    test("no messages, and a pull of none, are INVALID_ARGUMENT", async () => {
      const { topic, subscription } = await pair();
      expect(await codeOf(publisher.publish({ topic, messages: [] }))).toBe(3);
      expect(await codeOf(subscriber.pull({ subscription, maxMessages: 0 }))).toBe(3);
    });

    test("a mask with a field that there is not is INVALID_ARGUMENT", async () => {
      const { topic } = await pair();
      const update = publisher.updateTopic({ topic: { name: topic }, updateMask: { paths: ["no_such_field"] } });
      expect(await codeOf(update)).toBe(3);
    });
  },
);
