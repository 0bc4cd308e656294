import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

interface Reply {
  status: number;
  body: Record<string, never> & { error?: { code: number; message: string; status: string } };
}

describe("Pub/Sub over REST, on a driven clock", () => {
  let emulator: Emulator;

  beforeEach(async () => {
    emulator = await startEmulator({ instances: "virtual", clock: "manual" });
  });
  afterEach(() => emulator.close());

  async function call(method: string, path: string, body?: unknown): Promise<Reply> {
    const response = await fetch(`${emulator.url}/v1/projects/${emulator.project}/${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Reply["body"] };
  }

  const topicName = (id: string) => `projects/${emulator.project}/topics/${id}`;

  async function pair(settings: object = {}): Promise<void> {
    await call("PUT", "topics/orders", {});
    const made = await call("PUT", "subscriptions/work", { topic: topicName("orders"), ...settings });
    expect(made.status).toBe(200);
  }

  async function publish(...messages: object[]): Promise<string[]> {
    const { body } = await call("POST", "topics/orders:publish", { messages });
    return (body as { messageIds?: string[] }).messageIds ?? [];
  }

  interface Received {
    ackId: string;
    deliveryAttempt?: number;
    message: { data?: string; messageId: string; attributes?: Record<string, string>; publishTime: string };
  }

  async function pull(subscription = "work", maxMessages = 100): Promise<Received[]> {
    const { body } = await call("POST", `subscriptions/${subscription}:pull`, { maxMessages, returnImmediately: true });
    return (body as { receivedMessages?: Received[] }).receivedMessages ?? [];
  }

  const texts = (received: Received[]) =>
    received.map(({ message }) => Buffer.from(message.data ?? "", "base64").toString());
  const data = (text: string) => ({ data: Buffer.from(text).toString("base64") });

  async function advance(seconds: number): Promise<void> {
    if (!(emulator.clock instanceof ManualClock)) throw new Error("the clock is not driven");
    await emulator.clock.advance(seconds * 1000);
  }

  it("shows a subscription with the documented defaults", async () => {
    await pair();
    expect((await call("GET", "subscriptions/work")).body).toEqual({
      name: `projects/${emulator.project}/subscriptions/work`,
      topic: topicName("orders"),
      pushConfig: {},
      ackDeadlineSeconds: 10,
      messageRetentionDuration: "604800s",
      expirationPolicy: { ttl: "2678400s" },
      state: "ACTIVE",
    });
  });

  it("keeps a message until it is acknowledged, and gives it again after the ack deadline", async () => {
    await pair();
    const [id] = await publish({ ...data("a"), attributes: { k: "v" } });
    const [first] = await pull();
    expect(first?.message).toEqual({
      ...data("a"),
      attributes: { k: "v" },
      messageId: id,
      publishTime: "2026-01-01T00:00:00.000Z",
    });
    expect(first?.deliveryAttempt).toBeUndefined();
    await advance(9);
    expect(await pull()).toEqual([]);
    await advance(1);
    const [second] = await pull();
    expect(second?.message.messageId).toBe(id);
    expect((await call("POST", "subscriptions/work:acknowledge", { ackIds: [second?.ackId] })).body).toEqual({});
    await advance(60);
    expect(await pull()).toEqual([]);
  });

  it("moves the deadline with modifyAckDeadline, and 0 gives the message back at once", async () => {
    await pair();
    await publish(data("a"));
    const [first] = await pull();
    await call("POST", "subscriptions/work:modifyAckDeadline", { ackIds: [first?.ackId], ackDeadlineSeconds: 100 });
    await advance(99);
    expect(await pull()).toEqual([]);
    await call("POST", "subscriptions/work:modifyAckDeadline", { ackIds: [first?.ackId], ackDeadlineSeconds: 0 });
    expect(texts(await pull())).toEqual(["a"]);
  });

  it("backs off exponentially between the minimum and maximum of the retry policy", async () => {
    await pair({ retryPolicy: { minimumBackoff: "10s", maximumBackoff: "30s" } });
    await publish(data("a"));
    for (const wait of [10, 20, 30, 30]) {
      const [held] = await pull();
      expect(held).toBeDefined();
      await call("POST", "subscriptions/work:modifyAckDeadline", { ackIds: [held?.ackId], ackDeadlineSeconds: 0 });
      await advance(wait - 1);
      expect(await pull()).toEqual([]);
      await advance(1);
    }
    expect(texts(await pull())).toEqual(["a"]);
  });

  it("moves a message to the dead-letter topic after maxDeliveryAttempts", async () => {
    await call("PUT", "topics/dead", {});
    await call("PUT", "subscriptions/graves", { topic: topicName("dead") });
    await pair({ deadLetterPolicy: { deadLetterTopic: topicName("dead") } });
    await publish({ ...data("a"), attributes: { k: "v" } });
    for (let attempt = 1; attempt <= 5; attempt++) {
      const [held] = await pull();
      expect(held?.deliveryAttempt).toBe(attempt);
      await advance(10);
    }
    expect(await pull()).toEqual([]);
    const [buried] = await pull("graves");
    expect(buried?.message.data).toBe(data("a").data);
    expect(buried?.message.attributes).toEqual({
      k: "v",
      CloudPubSubDeadLetterSourceDeliveryCount: "5",
      CloudPubSubDeadLetterSourceSubscription: "work",
      CloudPubSubDeadLetterSourceSubscriptionProject: emulator.project,
      CloudPubSubDeadLetterSourceTopicPublishTime: "2026-01-01T00:00:00.000Z",
    });
  });

  it("delivers only what the filter lets through", async () => {
    await pair({ filter: 'attributes.kind = "image" AND NOT attributes:test' });
    await publish(
      { ...data("yes"), attributes: { kind: "image" } },
      { ...data("no"), attributes: { kind: "image", test: "1" } },
      data("none"),
    );
    expect(texts(await pull())).toEqual(["yes"]);
  });

  it("holds back later messages of an ordering key until the earlier ones are acknowledged", async () => {
    await pair({ enableMessageOrdering: true });
    await publish(
      { ...data("a1"), orderingKey: "a" },
      { ...data("a2"), orderingKey: "a" },
      { ...data("b1"), orderingKey: "b" },
    );
    const first = await pull("work", 1);
    expect(texts(first)).toEqual(["a1"]);
    expect(texts(await pull())).toEqual(["b1"]);
    await advance(10);
    expect(texts(await pull())).toEqual(["a1", "a2", "b1"]);
  });

  it("forgets messages after the retention time", async () => {
    await pair({ messageRetentionDuration: "600s" });
    await publish(data("old"));
    await advance(300);
    await publish(data("new"));
    await advance(301);
    expect(texts(await pull())).toEqual(["new"]);
  });

  it("deletes a subscription that nobody used for the time of its expiration policy", async () => {
    await pair({ expirationPolicy: { ttl: "86400s" } });
    await advance(86_000);
    await pull();
    await advance(86_000);
    expect((await call("GET", "subscriptions/work")).status).toBe(200);
    await advance(400);
    expect((await call("GET", "subscriptions/work")).status).toBe(404);
  });

  it("keeps the subscriptions of a deleted topic, which then name _deleted-topic_", async () => {
    await pair();
    await publish(data("kept"));
    await call("DELETE", "topics/orders");
    expect((await call("GET", "subscriptions/work")).body).toMatchObject({ topic: "_deleted-topic_" });
    expect(texts(await pull())).toEqual(["kept"]);
    await call("PUT", "topics/orders", {});
    await publish(data("of another topic"));
    await advance(10);
    expect(texts(await pull())).toEqual(["kept"]);
  });

  it("drops everything when a subscription is detached", async () => {
    await pair();
    await publish(data("a"));
    expect((await call("POST", "subscriptions/work:detach")).body).toEqual({});
    const pulled = await call("POST", "subscriptions/work:pull", { maxMessages: 1 });
    expect(pulled).toMatchObject({ status: 400, body: { error: { status: "FAILED_PRECONDITION" } } });
    expect((await call("GET", "topics/orders/subscriptions")).body).toEqual({});
  });

  it("answers a waiting pull as soon as a message comes", async () => {
    await pair();
    const waiting = call("POST", "subscriptions/work:pull", { maxMessages: 1 });
    await publish(data("there"));
    expect((await waiting).body).toMatchObject({ receivedMessages: [{ message: data("there") }] });
  });

  it("changes what the mask names and clears what the request leaves out", async () => {
    await pair({ labels: { a: "b" }, ackDeadlineSeconds: 20 });
    const updated = await call("PATCH", "subscriptions/work", {
      subscription: { ackDeadlineSeconds: 30 },
      updateMask: "labels,ackDeadlineSeconds",
    });
    expect(updated.body).toMatchObject({ ackDeadlineSeconds: 30 });
    expect(updated.body).not.toHaveProperty("labels");
    const fixed = await call("PATCH", "subscriptions/work", {
      subscription: { filter: "attributes:a", labels: { c: "d" } },
      updateMask: "filter,labels",
    });
    expect(fixed.body.error?.message).toBe(
      "Invalid update_mask provided in the UpdateSubscriptionRequest: the 'filter' field in the Subscription is not mutable.",
    );
    expect((await call("GET", "subscriptions/work")).body).not.toHaveProperty("labels");
  });

  it("pages through topics", async () => {
    for (const id of ["ccc", "aaa", "bbb"]) await call("PUT", `topics/${id}`, {});
    const first = (await call("GET", "topics?pageSize=2")).body;
    expect(first.topics).toMatchObject([{ name: topicName("aaa") }, { name: topicName("bbb") }]);
    const second = (await call("GET", `topics?pageSize=2&pageToken=${first.nextPageToken}`)).body;
    expect(second).toEqual({ topics: [expect.objectContaining({ name: topicName("ccc"), state: "ACTIVE" })] });
  });

  const refused: [string, string, string, unknown, number, string][] = [
    ["a topic that exists", "PUT", "topics/orders", {}, 409, "ALREADY_EXISTS"],
    ["an id of two characters", "PUT", "topics/ab", {}, 400, "INVALID_ARGUMENT"],
    ["an id that begins with a digit", "PUT", "topics/1abc", {}, 400, "INVALID_ARGUMENT"],
    ["an id that begins with goog", "PUT", "topics/google-things", {}, 400, "INVALID_ARGUMENT"],
    ["an unknown field", "PUT", "topics/fine", { colour: "red" }, 400, "INVALID_ARGUMENT"],
    [
      "a topic whose schema has no name",
      "PUT",
      "topics/fine",
      { schemaSettings: { schema: "s" } },
      400,
      "INVALID_ARGUMENT",
    ],
    [
      "a topic that reads from elsewhere",
      "PUT",
      "topics/fine",
      { ingestionDataSourceSettings: { cloudStorage: {} } },
      501,
      "UNIMPLEMENTED",
    ],
    [
      "a subscription of a missing topic",
      "PUT",
      "subscriptions/sub",
      { topic: "projects/p/topics/none" },
      404,
      "NOT_FOUND",
    ],
    [
      "an ack deadline of 5 s",
      "PUT",
      "subscriptions/sub",
      { topic: "T", ackDeadlineSeconds: 5 },
      400,
      "INVALID_ARGUMENT",
    ],
    ["a bad filter", "PUT", "subscriptions/sub", { topic: "T", filter: "x" }, 400, "INVALID_ARGUMENT"],
    [
      "a bad duration",
      "PUT",
      "subscriptions/sub",
      { topic: "T", messageRetentionDuration: "10m" },
      400,
      "INVALID_ARGUMENT",
    ],
    ["no messages", "POST", "topics/orders:publish", { messages: [] }, 400, "INVALID_ARGUMENT"],
    ["an empty message", "POST", "topics/orders:publish", { messages: [{}] }, 400, "INVALID_ARGUMENT"],
    [
      "data that is not base64",
      "POST",
      "topics/orders:publish",
      { messages: [{ data: "%%" }] },
      400,
      "INVALID_ARGUMENT",
    ],
    ["no number of messages", "POST", "subscriptions/work:pull", {}, 400, "INVALID_ARGUMENT"],
    ["an invented ack id", "POST", "subscriptions/work:acknowledge", { ackIds: ["zzz"] }, 400, "INVALID_ARGUMENT"],
    ["a missing subscription", "GET", "subscriptions/none", undefined, 404, "NOT_FOUND"],
    ["checking nothing as a schema", "POST", "schemas:validate", {}, 400, "INVALID_ARGUMENT"],
  ];
  it.each(refused)("refuses %s", async (_, method, path, body, status, word) => {
    await pair();
    const given =
      body !== undefined && JSON.parse(JSON.stringify(body).replace('"T"', JSON.stringify(topicName("orders"))));
    const reply = await call(method, path, given || undefined);
    expect(reply).toMatchObject({ status, body: { error: { code: status, status: word } } });
  });

  it("takes a policy's etag back in the base64 for URLs, as gcloud sends it", async () => {
    await pair();
    let etag = "";
    while (!/[+/]/.test(etag)) {
      const { body } = await call("POST", "topics/orders:setIamPolicy", { policy: { bindings: [] } });
      etag = (body as { etag?: string }).etag ?? "";
    }
    const policy = { bindings: [], etag: etag.replaceAll("+", "-").replaceAll("/", "_") };
    expect((await call("POST", "topics/orders:setIamPolicy", { policy })).status).toBe(200);
    expect((await call("POST", "topics/orders:setIamPolicy", { policy })).status).toBe(409);
  });

  it("names what it does not serve", async () => {
    await pair();
    for (const [method, path, name] of [
      ["POST", "schemas:guess", "schemas.guess"],
      ["POST", "topics/orders:forget", "topics.forget"],
    ] as const) {
      expect((await call(method, path)).body.error?.message).toContain(`pubsub.projects.${name}`);
    }
  });

  it("keeps an IAM policy and refuses one with an old etag", async () => {
    await pair();
    const bindings = [{ role: "roles/pubsub.publisher", members: ["user:a@example.com"] }];
    const set = await call("POST", "topics/orders:setIamPolicy", { policy: { bindings } });
    expect((await call("GET", "topics/orders:getIamPolicy")).body).toEqual(set.body);
    const stale = await call("POST", "topics/orders:setIamPolicy", { policy: { bindings: [], etag: "AAAA" } });
    expect(stale).toMatchObject({ status: 409, body: { error: { status: "ABORTED" } } });
  });
});

describe("Pub/Sub state in a folder", () => {
  it("keeps unacknowledged messages over a restart", async () => {
    const { mkdtemp, rm } = await import("node:fs/promises");
    const { tmpdir } = await import("node:os");
    const { join } = await import("node:path");
    const state = await mkdtemp(join(tmpdir(), "moult-pubsub-"));
    const post = (emulator: Emulator, path: string, body: object, method = "POST") =>
      fetch(`${emulator.url}/v1/projects/${emulator.project}/${path}`, { method, body: JSON.stringify(body) });
    try {
      const before = await startEmulator({ instances: "virtual", state });
      await post(before, "topics/orders", {}, "PUT");
      const topic = `projects/${before.project}/topics/orders`;
      await post(before, "subscriptions/work", { topic, filter: "attributes:k" }, "PUT");
      await post(before, "topics/orders:publish", { messages: [{ data: "YQ==", attributes: { k: "v" } }] });
      const held = (await (await post(before, "subscriptions/work:pull", { maxMessages: 1 })).json()) as {
        receivedMessages: { ackId: string }[];
      };
      await before.close();

      const after = await startEmulator({ instances: "virtual", state });
      const again = (await (await post(after, "subscriptions/work:pull", { maxMessages: 1 })).json()) as {
        receivedMessages: { ackId: string; message: object }[];
      };
      expect(again.receivedMessages[0]?.message).toMatchObject({ data: "YQ==", attributes: { k: "v" } });
      // An acknowledgement from before the restart still counts.
      await post(after, "subscriptions/work:acknowledge", { ackIds: [held.receivedMessages[0]?.ackId] });
      await after.close();

      const third = await startEmulator({ instances: "virtual", state });
      const none = await post(third, "subscriptions/work:pull", { maxMessages: 1, returnImmediately: true });
      expect(await none.json()).toEqual({});
      await third.close();
    } finally {
      await rm(state, { recursive: true, force: true });
    }
  });
});
