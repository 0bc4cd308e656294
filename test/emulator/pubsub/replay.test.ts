import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Message, PubSub, SchemaTypes, SchemaViews, type Subscription } from "@google-cloud/pubsub";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ManualClock } from "../../../emulator/frame/clock.ts";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

/** Google's client for Node, unmodified, over gRPC. */
describe("going back in time with @google-cloud/pubsub", () => {
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

  /** Acknowledges `wanted` messages; `after` runs when the nth has come. */
  function receive(subscription: Subscription, wanted: number, after: (message: Message, nth: number) => unknown) {
    return new Promise<string[]>((resolve, reject) => {
      const got: string[] = [];
      subscription.on("error", reject);
      subscription.on("message", (message: Message) => {
        got.push(message.data.toString());
        message.ack();
        Promise.resolve(after(message, got.length)).catch(reject);
        if (got.length === wanted) resolve(got);
      });
    });
  }

  it("seeks to a snapshot, which brings back what was acknowledged since", async () => {
    const { topic, subscription } = await pair();
    const snapshot = subscription.snapshot("before");
    await snapshot.create();
    expect((await pubsub.getSnapshots())[0].map(({ name }) => name)).toEqual([snapshot.name]);
    await topic.publishMessage({ data: Buffer.from("a") });
    expect(await receive(subscription, 2, (_, nth) => nth === 1 && snapshot.seek())).toEqual(["a", "a"]);
    await subscription.close();
    await snapshot.delete();
    await expect(snapshot.seek()).rejects.toMatchObject({ code: 5 });
  });

  it("seeks to an instant", async () => {
    const { topic, subscription } = await pair();
    await topic.publishMessage({ data: Buffer.from("a") });
    const again = (message: Message, nth: number) => nth === 1 && subscription.seek(message.publishTime);
    expect(await receive(subscription, 2, again)).toEqual(["a", "a"]);
    await subscription.close();
  });

  it("purges with an instant that lies ahead", async () => {
    const { topic, subscription } = await pair();
    await topic.publishMessage({ data: Buffer.from("old") });
    await subscription.seek(new Date("3000-01-01"));
    await topic.publishMessage({ data: Buffer.from("new") });
    expect(await receive(subscription, 1, () => {})).toEqual(["new"]);
    await subscription.close();
  });

  it("keeps schemas, shows them in both views, and refuses a topic that wants one there is not", async () => {
    const definition = '{"type":"record","name":"A","fields":[]}';
    await pubsub.createSchema("shape", SchemaTypes.Avro, definition);
    const listed: (string | null | undefined)[] = [];
    for await (const schema of pubsub.listSchemas()) listed.push(schema.name, schema.definition);
    expect(listed).toEqual([`projects/${emulator.project}/schemas/shape`, ""]);
    expect(await pubsub.schema("shape").get(SchemaViews.Full)).toMatchObject({ definition, type: "AVRO" });
    const schemaSettings = { schema: "projects/p/schemas/shape" };
    await expect(pubsub.createTopic({ name: "shaped", schemaSettings })).rejects.toMatchObject({ code: 5 });
    await pubsub.schema("shape").delete();
    await expect(pubsub.schema("shape").get()).rejects.toMatchObject({ code: 5 });
  });
});

describe("going back in time over REST, on a driven clock", () => {
  let emulator: Emulator;
  let state: string;
  const open = () => startEmulator({ instances: "virtual", clock: "manual", state });

  beforeEach(async () => {
    state = mkdtempSync(join(tmpdir(), "moult-replay-"));
    emulator = await open();
  });
  afterEach(async () => {
    await emulator.close();
    rmSync(state, { recursive: true });
  });

  async function call(method: string, path: string, body?: unknown) {
    const response = await fetch(`${emulator.url}/v1/projects/${emulator.project}/${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
  const named = (path: string) => `projects/${emulator.project}/${path}`;
  const publish = (...texts: string[]) =>
    call("POST", "topics/orders:publish", {
      messages: texts.map((text) => ({ data: Buffer.from(text).toString("base64"), attributes: { text } })),
    });
  async function pair(settings: object = {}) {
    await call("PUT", "topics/orders", {});
    await call("PUT", "subscriptions/work", { topic: named("topics/orders"), ...settings });
  }
  /** Pulls and acknowledges everything. */
  async function drain(): Promise<string[]> {
    const { body } = await call("POST", "subscriptions/work:pull", { maxMessages: 100, returnImmediately: true });
    const received = (body.receivedMessages ?? []) as { ackId: string; message: { data: string } }[];
    const ackIds = received.map(({ ackId }) => ackId);
    if (ackIds.length > 0) await call("POST", "subscriptions/work:acknowledge", { ackIds });
    return received.map(({ message }) => Buffer.from(message.data, "base64").toString());
  }
  const advance = (seconds: number) => (emulator.clock as ManualClock).advance(seconds * 1000);
  const now = () => new Date(emulator.clock.now()).toISOString();

  it("brings back acknowledged messages in their order, for as long as they are retained", async () => {
    await pair({ retainAckedMessages: true, messageRetentionDuration: "3600s" });
    await publish("a", "b");
    expect(await drain()).toEqual(["a", "b"]);
    await advance(60);
    const middle = now();
    await publish("c", "d");
    await call("POST", "subscriptions/work:seek", { time: "2020-01-01T00:00:00Z" });
    expect(await drain()).toEqual(["a", "b", "c", "d"]);
    await call("POST", "subscriptions/work:seek", { time: middle });
    expect(await drain()).toEqual(["c", "d"]);
    await advance(3570);
    await call("POST", "subscriptions/work:seek", { time: "2020-01-01T00:00:00Z" });
    expect(await drain()).toEqual(["c", "d"]);
  });

  it("lets no acknowledgement from before a seek count after it", async () => {
    await pair();
    await publish("a");
    const { body } = await call("POST", "subscriptions/work:pull", { maxMessages: 1, returnImmediately: true });
    const [received] = body.receivedMessages as { ackId: string }[];
    await call("POST", "subscriptions/work:seek", { time: "2020-01-01T00:00:00Z" });
    expect((await call("POST", "subscriptions/work:acknowledge", { ackIds: [received?.ackId] })).status).toBe(200);
    expect(await drain()).toEqual(["a"]);
    expect(await drain()).toEqual([]);
  });

  it("forgets what is acknowledged unless it was asked to retain it", async () => {
    await pair();
    await publish("a");
    expect(await drain()).toEqual(["a"]);
    await call("POST", "subscriptions/work:seek", { time: "2020-01-01T00:00:00Z" });
    expect(await drain()).toEqual([]);
  });

  it("holds a snapshot through a restart, applies the subscription's filter, and lets it go after its week", async () => {
    await pair({ filter: 'attributes.text != "b"' });
    await publish("early");
    const made = await call("PUT", "snapshots/then", { subscription: named("subscriptions/work") });
    expect(made.body).toMatchObject({ name: named("snapshots/then"), topic: named("topics/orders") });
    await publish("a", "b");
    expect(await drain()).toEqual(["early", "a"]);
    await emulator.close();
    emulator = await open();
    expect((await call("GET", "topics/orders/snapshots")).body).toEqual({ snapshots: [named("snapshots/then")] });
    await call("POST", "subscriptions/work:seek", { snapshot: named("snapshots/then") });
    expect(await drain()).toEqual(["early", "a"]);
    await advance(7 * 86_400);
    expect((await call("GET", "snapshots/then")).status).toBe(404);
    expect((await call("GET", "snapshots")).body).toEqual({});
  });

  it("refuses a seek without an aim, and one to another topic's snapshot", async () => {
    await pair();
    expect((await call("POST", "subscriptions/work:seek", {})).status).toBe(400);
    await call("PUT", "topics/other", {});
    await call("PUT", "subscriptions/other", { topic: named("topics/other") });
    await call("PUT", "snapshots/other", { subscription: named("subscriptions/other") });
    const wrong = await call("POST", "subscriptions/work:seek", { snapshot: named("snapshots/other") });
    expect(wrong.body).toMatchObject({ error: { status: "FAILED_PRECONDITION" } });
  });
});
