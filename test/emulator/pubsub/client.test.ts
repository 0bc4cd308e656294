import { PubSub } from "@google-cloud/pubsub";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

/** Google's client for Node, unmodified, over gRPC. */
describe("@google-cloud/pubsub", () => {
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

  async function pair(settings: object = {}) {
    const n = ++count;
    const [topic] = await pubsub.createTopic(`topic-${n}`);
    const [subscription] = await topic.createSubscription(`sub-${n}`, settings);
    return { topic, subscription };
  }

  /** Resolves with the first `wanted` messages, each given to `treat`. */
  function receive(
    subscription: Awaited<ReturnType<typeof pair>>["subscription"],
    wanted: number,
    treat: (message: { data: Buffer; ack(): void; nack(): void }, nth: number) => void = (message) => message.ack(),
  ): Promise<string[]> {
    return new Promise((resolve, reject) => {
      const got: string[] = [];
      subscription.on("error", reject);
      subscription.on("message", (message) => {
        if (got.length >= wanted) return;
        got.push(message.data.toString());
        treat(message, got.length);
        if (got.length === wanted) resolve(got);
      });
    });
  }

  it("creates, finds, lists, changes and deletes topics and subscriptions", async () => {
    const { topic, subscription } = await pair({ labels: { a: "b" } });
    expect(await topic.exists()).toEqual([true]);
    expect(await pubsub.topic("nothing-here").exists()).toEqual([false]);
    await subscription.setMetadata({ ackDeadlineSeconds: 60, retryPolicy: { minimumBackoff: { seconds: 1 } } });
    const [metadata] = await subscription.getMetadata();
    expect(metadata).toMatchObject({
      name: subscription.name,
      topic: topic.name,
      ackDeadlineSeconds: 60,
      labels: { a: "b" },
      messageRetentionDuration: { seconds: "604800" },
      expirationPolicy: { ttl: { seconds: "2678400" } },
      retryPolicy: { minimumBackoff: { seconds: "1" }, maximumBackoff: { seconds: "600" } },
      state: "ACTIVE",
    });
    await topic.setMetadata({ labels: { team: "x" } });
    expect((await topic.getMetadata())[0].labels).toEqual({ team: "x" });
    const [found] = await topic.getSubscriptions();
    expect(found.map(({ name }) => name)).toEqual([subscription.name]);
    expect((await pubsub.getTopics())[0].map(({ name }) => name)).toContain(topic.name);
    await subscription.delete();
    await topic.delete();
    expect(await topic.exists()).toEqual([false]);
  });

  it("lists by pages", async () => {
    const { topic } = await pair();
    for (const n of [1, 2, 3, 4]) await topic.createSubscription(`paged-${n}`);
    const [first, , response] = await topic.getSubscriptions({ pageSize: 2, autoPaginate: false });
    expect(first.map(({ name }) => name.split("/").pop())).toEqual(["paged-1", "paged-2"]);
    expect(response?.nextPageToken).toBeTruthy();
    const [all] = await topic.getSubscriptions({ pageSize: 2, autoPaginate: true });
    expect(all).toHaveLength(5);
  });

  it("says NOT_FOUND, ALREADY_EXISTS and INVALID_ARGUMENT with Google's codes", async () => {
    const { topic } = await pair();
    await expect(pubsub.topic("missing-topic").publishMessage({ data: Buffer.from("x") })).rejects.toMatchObject({
      code: 5,
      details: "Resource not found (resource=missing-topic).",
    });
    await expect(pubsub.createTopic(topic.name)).rejects.toMatchObject({ code: 6 });
    await expect(pubsub.createTopic("1nvalid")).rejects.toMatchObject({ code: 3 });
    await expect(topic.createSubscription("bad-filter", { filter: "attributes.x ~ 1" })).rejects.toMatchObject({
      code: 3,
    });
  });

  it("creates what is missing on get with autoCreate", async () => {
    const [topic] = await pubsub.topic("made-on-demand").get({ autoCreate: true });
    const [subscription] = await topic.subscription("sub-on-demand").get({ autoCreate: true });
    expect(await subscription.exists()).toEqual([true]);
  });

  it("publishes in batches and receives over a stream, once each", async () => {
    const { topic, subscription } = await pair();
    const sent = Array.from({ length: 300 }, (_, i) => `message ${i}`);
    const got = receive(subscription, sent.length);
    const ids = await Promise.all(sent.map((text) => topic.publishMessage({ data: Buffer.from(text) })));
    expect(new Set(ids).size).toBe(300);
    expect((await got).sort()).toEqual([...sent].sort());
    await subscription.close();
    const [left] = await subscription.getMetadata();
    expect(left.state).toBe("ACTIVE");
  });

  it("gives a nacked message again", async () => {
    const { topic, subscription } = await pair();
    const got = receive(subscription, 2, (message, nth) => (nth === 1 ? message.nack() : message.ack()));
    await topic.publishMessage({ data: Buffer.from("again") });
    expect(await got).toEqual(["again", "again"]);
    await subscription.close();
  });

  it("keeps the order of a key, and gives a nacked message of a key before its followers", async () => {
    const n = ++count;
    const [topic] = await pubsub.createTopic(`topic-${n}`);
    const ordered = pubsub.topic(topic.name, { messageOrdering: true });
    const [subscription] = await topic.createSubscription(`sub-${n}`, { enableMessageOrdering: true });
    const sent = Array.from({ length: 40 }, (_, i) => `${i % 2 ? "odd" : "even"} ${i}`);
    await Promise.all(
      sent.map((text) => ordered.publishMessage({ data: Buffer.from(text), orderingKey: text.split(" ")[0] ?? "" })),
    );
    const acknowledged: string[] = [];
    let refused = false;
    await new Promise<void>((resolve, reject) => {
      subscription.on("error", reject);
      subscription.on("message", (message) => {
        const text = message.data.toString();
        if (text === "even 10" && !refused) {
          refused = true;
          message.nack();
          return;
        }
        message.ack();
        if (!acknowledged.includes(text)) acknowledged.push(text);
        if (acknowledged.length === sent.length) resolve();
      });
    });
    expect(refused).toBe(true);
    expect(acknowledged.filter((text) => text.startsWith("odd"))).toEqual(sent.filter((t) => t.startsWith("odd")));
    await subscription.close();
  });

  it("holds no more at the client than its flow control allows", async () => {
    const { topic, subscription } = await pair();
    await Promise.all(Array.from({ length: 30 }, (_, i) => topic.publishMessage({ data: Buffer.from(String(i)) })));
    const limited = pubsub.subscription(subscription.name, {
      flowControl: { maxMessages: 3 },
      // The client asks this much of each of its streams.
      streamingOptions: { maxStreams: 1 },
    });
    let held = 0;
    let most = 0;
    let seen = 0;
    await new Promise<void>((resolve, reject) => {
      limited.on("error", reject);
      limited.on("message", (message) => {
        held++;
        most = Math.max(most, held);
        setImmediate(() => {
          held--;
          message.ack();
          if (++seen === 30) resolve();
        });
      });
    });
    expect(most).toBeLessThanOrEqual(3);
    await limited.close();
  });

  it("ends the stream of a subscription that does not exist with NOT_FOUND", async () => {
    const problem = await new Promise<{ code?: number }>((resolve) => {
      const subscription = pubsub.subscription("never-made");
      subscription.on("error", (error) => {
        resolve(error as { code?: number });
        void subscription.close();
      });
      subscription.on("message", () => {});
    });
    expect(problem.code).toBe(5);
  });

  it("keeps an IAM policy and tests permissions", async () => {
    const { topic, subscription } = await pair();
    const [first] = await topic.iam.getPolicy();
    expect(first.bindings).toEqual([]);
    const bindings = [{ role: "roles/pubsub.publisher", members: ["user:a@example.com"], condition: null }];
    await topic.iam.setPolicy({ bindings: [{ role: "roles/pubsub.publisher", members: ["user:a@example.com"] }] });
    const [stored] = await topic.iam.getPolicy();
    expect(stored.bindings).toMatchObject(bindings.map(({ role, members }) => ({ role, members })));
    const [permissions] = await subscription.iam.testPermissions(["pubsub.subscriptions.consume"]);
    expect(permissions).toEqual({ "pubsub.subscriptions.consume": true });
  });

  it("changes, and stops, push through modifyPushConfig", async () => {
    const { subscription } = await pair();
    await subscription.modifyPushConfig({ pushEndpoint: "https://example.com/push", attributes: { a: "b" } });
    const [metadata] = await subscription.getMetadata();
    expect(metadata.pushConfig).toMatchObject({ pushEndpoint: "https://example.com/push", attributes: { a: "b" } });
    await subscription.modifyPushConfig({});
    expect((await subscription.getMetadata())[0].pushConfig?.pushEndpoint).toBeFalsy();
  });

  it("carries a message of 9 MB", async () => {
    const { topic, subscription } = await pair();
    const data = Buffer.alloc(9_000_000, "x");
    const got = receive(subscription, 1);
    await topic.publishMessage({ data });
    expect((await got)[0]).toHaveLength(data.length);
    await subscription.close();
    await expect(topic.publishMessage({ data: Buffer.alloc(10_000_001) })).rejects.toMatchObject({ code: 3 });
  });

  it("keeps retention, dead-letter and push settings, and detaches", async () => {
    const { topic: dead } = await pair();
    const { subscription } = await pair({
      retainAckedMessages: true,
      messageRetentionDuration: 259_200,
      deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 7 },
    });
    const [metadata] = await subscription.getMetadata();
    expect(metadata).toMatchObject({
      retainAckedMessages: true,
      messageRetentionDuration: { seconds: "259200", nanos: 0 },
      deadLetterPolicy: { deadLetterTopic: dead.name, maxDeliveryAttempts: 7 },
    });
    await subscription.setMetadata({ deadLetterPolicy: null });
    expect((await subscription.getMetadata())[0].deadLetterPolicy).toBeNull();
    expect(await subscription.detached()).toEqual([false]);
    await pubsub.detachSubscription(subscription.name);
    expect(await subscription.detached()).toEqual([true]);
  });

  it("is refused what a rule denies, over both transports", async () => {
    const { topic, subscription } = await pair();
    const rules = `${emulator.url}/emulator/iam/deny`;
    const rule = { principal: "*", permission: "pubsub.*.consume", resource: subscription.name };
    await fetch(rules, { method: "POST", body: JSON.stringify(rule) });
    const pulled = await fetch(`${emulator.url}/v1/${subscription.name}:pull`, {
      method: "POST",
      body: `{"maxMessages":1}`,
    });
    expect(pulled.status).toBe(403);
    const refused = await new Promise((resolve) => {
      subscription.on("error", resolve);
      subscription.on("message", () => {});
    });
    expect(refused).toMatchObject({ code: 7, details: "User not authorized to perform this action." });
    await subscription.close();
    await fetch(rules, { method: "DELETE" });
    await topic.publishMessage({ data: Buffer.from("x") });
    expect(await receive(pubsub.subscription(subscription.name), 1)).toEqual(["x"]);
  });

  it("answers a setting that is not emulated with UNIMPLEMENTED and its name", async () => {
    const { topic } = await pair();
    const bigqueryConfig = { table: "p.d.t" };
    await expect(topic.createSubscription("table", { bigqueryConfig })).rejects.toMatchObject({
      code: 12,
      details: expect.stringContaining("bigquery_config"),
    });
  });
});
