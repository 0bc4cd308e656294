import { randomBytes } from "node:crypto";
import { type Message, PubSub, Subscription, type Topic } from "@google-cloud/pubsub";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../../emulator/index.ts";

/** What Google's system test of its Node client asks of topics and subscriptions, in our words. */

let emulator: Emulator;
let pubsub: PubSub;
let count = 0;

beforeAll(async () => {
  emulator = await startEmulator({ instances: "virtual" });
  Object.assign(process.env, { METADATA_SERVER_DETECTION: "none", PUBSUB_EMULATOR_HOST: emulator.grpc });
  pubsub = new PubSub({ projectId: emulator.project });
});
afterAll(async () => {
  await pubsub.close();
  await emulator.close();
});

const id = () => `case-${++count}`;
async function pair(settings: object = {}): Promise<{ topic: Topic; subscription: Subscription }> {
  const [topic] = await pubsub.createTopic(id());
  const [subscription] = await topic.createSubscription(id(), settings);
  return { topic, subscription };
}

/** All that a stream emits until its end. */
const all = (stream: NodeJS.ReadableStream) =>
  new Promise<unknown[]>((resolve, reject) => {
    const found: unknown[] = [];
    stream.on("data", (one: unknown) => found.push(one));
    stream.on("end", () => resolve(found));
    stream.on("error", reject);
  });

/** The first messages of a subscription, which is closed then. */
function receive(subscription: Subscription, wanted: number, treat = (message: Message) => message.ack()) {
  return new Promise<Message[]>((resolve, reject) => {
    const got: Message[] = [];
    subscription.on("error", reject);
    subscription.on("message", (message: Message) => {
      if (got.length >= wanted) return;
      got.push(message);
      treat(message);
      if (got.length === wanted) void subscription.close().then(() => resolve(got), reject);
    });
  });
}

describe("topics", () => {
  it("are listed at once, as a stream and page by page", async () => {
    const names = await Promise.all([pair(), pair()]).then((pairs) => pairs.map(({ topic }) => topic.name));
    const listed = (await pubsub.getTopics())[0].map(({ name }) => name);
    const streamed = (await all(pubsub.getTopicsStream())).map((topic) => (topic as Topic).name);
    for (const found of [listed, streamed]) expect(found).toEqual(expect.arrayContaining(names));
    expect((await pubsub.getTopics({ pageSize: 1, gaxOpts: { autoPaginate: false } }))[0]).toHaveLength(1);
  });

  it("come into being when they are asked for so", async () => {
    const [topic] = await pubsub.topic(id()).get({ autoCreate: true });
    expect(await topic.exists()).toEqual([true]);
    const [subscription] = await topic.subscription(id()).get({ autoCreate: true });
    expect(await subscription.exists()).toEqual([true]);
  });

  it("keep messages for as long as they are told", async () => {
    const { topic } = await pair();
    await topic.setMetadata({ messageRetentionDuration: { seconds: 259_200 } });
    const [{ messageRetentionDuration }] = await topic.getMetadata();
    expect(messageRetentionDuration).toMatchObject({ seconds: "259200", nanos: 0 });
  });

  it("keep the order of each key, whatever the keys between", async () => {
    const { topic, subscription } = await pair({ enableMessageOrdering: true });
    topic.setPublishOptions({ messageOrdering: true });
    const sent = Array.from({ length: 60 }, (_, i) => ({ key: ["a", "b", ""][i % 3] ?? "", data: String(i) }));
    await Promise.all(
      sent.map(({ key, data }) => topic.publishMessage({ data: Buffer.from(data), ...(key && { orderingKey: key }) })),
    );
    const got = await receive(subscription, 60);
    for (const key of ["a", "b"]) {
      const of = got.filter(({ orderingKey }) => orderingKey === key).map(({ data }) => data.toString());
      expect(of).toEqual(sent.filter((one) => one.key === key).map(({ data }) => data));
    }
    expect(got.filter(({ orderingKey }) => !orderingKey)).toHaveLength(20);
  });
});

describe("subscriptions", () => {
  it("are listed of their topic and of all, at once and as streams", async () => {
    const { topic, subscription } = await pair();
    await topic.createSubscription(id());
    const [listed] = await topic.getSubscriptions();
    expect(listed).toHaveLength(2);
    expect(listed[0]).toBeInstanceOf(Subscription);
    expect(await all(topic.getSubscriptionsStream())).toHaveLength(2);
    const every = (await all(pubsub.getSubscriptionsStream())).map((one) => (one as Subscription).name);
    expect(every).toContain(subscription.name);
  });

  it("have a name of their own in the project, whatever their topic", async () => {
    const [{ subscription }, { topic }] = await Promise.all([pair(), pair()]);
    const again = topic.subscription(subscription.name.split("/").at(-1) ?? "");
    await expect(again.create()).rejects.toMatchObject({ code: 6 });
  });

  it("that are not there end the stream with NOT_FOUND", async () => {
    const { topic } = await pair();
    const missing = topic.subscription(id());
    const error = await new Promise<{ code: number }>((resolve) => {
      missing.on("error", resolve);
      missing.on("message", () => {});
    });
    expect(error.code).toBe(5);
    await missing.close();
  });

  it("hand out no more than the client's limit, and give back what it lets go", async () => {
    const { topic, subscription } = await pair();
    for (let i = 0; i < 10; i++) await topic.publishMessage({ data: Buffer.from(String(i)) });
    const limited = topic.subscription(subscription.name, {
      flowControl: { maxMessages: 3, allowExcessMessages: false },
    });
    expect(await receive(limited, 3, () => {})).toHaveLength(3);
    const again = await receive(pubsub.subscription(subscription.name), 10);
    expect(new Set(again.map(({ data }) => data.toString())).size).toBe(10);
  });

  it("deliver what was given back again", async () => {
    const { topic, subscription } = await pair();
    await topic.publishMessage({ data: Buffer.from("x") });
    let times = 0;
    const [first, second] = await receive(subscription, 2, (message) =>
      ++times === 1 ? message.nack() : message.ack(),
    );
    expect(second?.id).toBe(first?.id);
  });

  it("carry nine million bytes", async () => {
    const { topic, subscription } = await pair();
    const data = randomBytes(9_000_000);
    await topic.publishMessage({ data });
    const [message] = await receive(subscription, 1);
    expect(message?.data.equals(data)).toBe(true);
  });

  it("are detached, and show it", async () => {
    const { subscription } = await pair();
    expect(await subscription.detached()).toEqual([false]);
    await pubsub.detachSubscription(subscription.name);
    expect(await subscription.detached()).toEqual([true]);
  });

  it("take a dead-letter policy and lose it again", async () => {
    const { topic, subscription } = await pair();
    const [dead] = await pubsub.createTopic(id());
    await subscription.setMetadata({ deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 15 } });
    expect((await subscription.getMetadata())[0].deadLetterPolicy?.maxDeliveryAttempts).toBe(15);
    await subscription.setMetadata({ deadLetterPolicy: null });
    const [read] = await topic.subscription(subscription.name).get();
    expect(read.metadata?.deadLetterPolicy).toBeNull();
  });
});

describe("policies", () => {
  it("are empty and of version 0 until they are set", async () => {
    const { topic, subscription } = await pair();
    for (const { iam } of [topic, subscription]) {
      expect((await iam.getPolicy())[0]).toMatchObject({ bindings: [], version: 0 });
      const bindings = [{ role: "roles/pubsub.viewer", members: ["allUsers"] }];
      expect((await iam.setPolicy({ bindings }))[0].bindings).toEqual([{ ...bindings[0], condition: null }]);
      expect((await iam.testPermissions(["pubsub.topics.get"]))[0]).toEqual({ "pubsub.topics.get": true });
    }
  });
});

it("a client that is closed says so", async () => {
  const other = new PubSub({ projectId: emulator.project });
  await other.getTopics();
  await other.close();
  expect(other.isOpen).toBe(false);
});
