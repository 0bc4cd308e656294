import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

interface Delivery {
  headers: IncomingHttpHeaders;
  body: string;
}

describe("Pub/Sub push", () => {
  let emulator: Emulator;
  let server: Server;
  let endpoint: string;
  let deliveries: Delivery[];
  /** Status of the next answers; the last one stays. `wait` leaves it to the test. */
  let answers: (number | "wait")[];
  let unanswered: ServerResponse[];

  beforeEach(async () => {
    emulator = await startEmulator({ instances: "virtual", clock: "manual", project: "acme" });
    deliveries = [];
    answers = [204];
    unanswered = [];
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      deliveries.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (answer === "wait" || answer === undefined) unanswered.push(response);
      else response.writeHead(answer).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/push`;
  });

  afterEach(async () => {
    await emulator.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function call(method: string, path: string, body: object): Promise<Record<string, unknown>> {
    const response = await fetch(`${emulator.url}/v1/projects/acme/${path}`, { method, body: JSON.stringify(body) });
    expect(response.status).toBe(200);
    return (await response.json()) as Record<string, unknown>;
  }

  async function subscribe(pushConfig: object = {}, settings: object = {}): Promise<void> {
    await call("PUT", "topics/orders", {});
    await call("PUT", "subscriptions/work", {
      topic: "projects/acme/topics/orders",
      pushConfig: { pushEndpoint: endpoint, ...pushConfig },
      ...settings,
    });
  }

  const publish = (...messages: object[]) => call("POST", "topics/orders:publish", { messages });
  const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), { interval: 5 });

  async function advance(ms: number): Promise<void> {
    if (!(emulator.clock instanceof ManualClock)) throw new Error("the clock is not driven");
    await emulator.clock.advance(ms);
  }

  it("posts the wrapped message with both spellings of its id and time", async () => {
    await subscribe();
    const { messageIds } = await publish({ data: "aGVsbG8=", attributes: { k: "v" } });
    await until(() => deliveries.length === 1);
    const [id] = messageIds as string[];
    expect(JSON.parse(deliveries[0]?.body ?? "")).toEqual({
      message: {
        attributes: { k: "v" },
        data: "aGVsbG8=",
        messageId: id,
        message_id: id,
        publishTime: "2026-01-01T00:00:00.000Z",
        publish_time: "2026-01-01T00:00:00.000Z",
      },
      subscription: "projects/acme/subscriptions/work",
    });
    expect(deliveries[0]?.headers).toMatchObject({ "content-type": "application/json", from: "noreply@google.com" });
    expect(deliveries[0]?.headers).not.toHaveProperty("authorization");
    await advance(3_600_000);
    expect(deliveries).toHaveLength(1);
  });

  it("leaves out data and attributes that the publisher did not send", async () => {
    await subscribe();
    await publish({ attributes: { only: "this" } });
    await until(() => deliveries.length === 1);
    expect(JSON.parse(deliveries[0]?.body ?? "").message).not.toHaveProperty("data");
  });

  it.each([200, 201, 202, 204])("takes %i as an acknowledgement", async (status) => {
    answers = [status];
    await subscribe();
    await publish({ data: "YQ==" });
    await until(() => deliveries.length === 1);
    await advance(3_600_000);
    expect(deliveries).toHaveLength(1);
  });

  it.each([203, 301, 400, 404, 429, 500, 503])("delivers again after %i", async (status) => {
    answers = [status, 204];
    await subscribe({}, { retryPolicy: { minimumBackoff: "10s" } });
    await publish({ data: "YQ==" });
    await until(() => deliveries.length === 1);
    await vi.waitFor(async () => {
      await advance(10_000);
      expect(deliveries).toHaveLength(2);
    });
    expect(JSON.parse(deliveries[1]?.body ?? "").message.messageId).toBe(
      JSON.parse(deliveries[0]?.body ?? "").message.messageId,
    );
  });

  it("delivers again when nobody listens, once somebody does", async () => {
    await subscribe({ pushEndpoint: "http://127.0.0.1:1/nobody" });
    await publish({ data: "YQ==" });
    await call("POST", "subscriptions/work:modifyPushConfig", { pushConfig: { pushEndpoint: endpoint } });
    await vi.waitFor(async () => {
      await advance(60_000);
      expect(deliveries).toHaveLength(1);
    });
  });

  it("never sends to another machine", async () => {
    await subscribe({ pushEndpoint: "https://192.0.2.1/push" });
    await publish({ data: "YQ==" });
    await advance(1000);
    await call("POST", "subscriptions/work:modifyPushConfig", { pushConfig: {} });
    await vi.waitFor(async () => {
      const { receivedMessages } = await call("POST", "subscriptions/work:pull", {
        maxMessages: 1,
        returnImmediately: true,
      });
      expect(receivedMessages).toHaveLength(1);
    });
  });

  it("counts delivery attempts and buries the message when they are used up", async () => {
    answers = [500];
    await call("PUT", "topics/dead", {});
    await call("PUT", "subscriptions/graves", { topic: "projects/acme/topics/dead" });
    await subscribe(
      {},
      {
        deadLetterPolicy: { deadLetterTopic: "projects/acme/topics/dead", maxDeliveryAttempts: 5 },
        retryPolicy: { minimumBackoff: "1s", maximumBackoff: "1s" },
      },
    );
    await publish({ data: "YQ==" });
    await vi.waitFor(async () => {
      await advance(1000);
      expect(deliveries).toHaveLength(5);
    });
    expect(deliveries.map(({ body }) => JSON.parse(body).deliveryAttempt)).toEqual([1, 2, 3, 4, 5]);
    const buried = await call("POST", "subscriptions/graves:pull", { maxMessages: 1 });
    expect(buried).toMatchObject({
      receivedMessages: [{ message: { attributes: { CloudPubSubDeadLetterSourceDeliveryCount: "5" } } }],
    });
    await advance(3_600_000);
    expect(deliveries).toHaveLength(5);
  });

  it("starts with one delivery, doubles with each success, and keeps at most eight open", async () => {
    answers = ["wait"];
    await subscribe();
    await publish(...Array.from({ length: 40 }, (_, i) => ({ attributes: { n: String(i) } })));
    let answered = 0;
    for (const open of [1, 2, 4, 8, 8]) {
      await until(() => unanswered.length === open);
      // A full exchange with the emulator: whatever it wanted to send besides has been sent.
      await publish({ attributes: { more: "yes" } });
      expect(unanswered).toHaveLength(open);
      // Each success doubles, so of two only one is answered.
      const now = open === 2 ? unanswered.splice(0, 1) : unanswered.splice(0);
      for (const response of now) response.writeHead(204).end();
      answered += now.length;
    }
    expect(deliveries.length).toBeGreaterThanOrEqual(answered);
    expect(new Set(deliveries.map(({ body }) => JSON.parse(body).message.messageId)).size).toBe(deliveries.length);
  });

  it("delivers the messages of one ordering key one after the other", async () => {
    await subscribe({}, { enableMessageOrdering: true });
    await publish(...Array.from({ length: 20 }, (_, i) => ({ attributes: { n: String(i) }, orderingKey: "k" })));
    await until(() => deliveries.length === 20);
    const bodies = deliveries.map(({ body }) => JSON.parse(body).message);
    expect(bodies.map(({ attributes }) => attributes.n)).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
    expect(bodies[0].orderingKey).toBe("k");
  });

  it("sends the bare data without a wrapper, and with writeMetadata the rest as headers", async () => {
    await subscribe({ noWrapper: { writeMetadata: true } });
    const { messageIds } = await publish({ data: "aGVsbG8=", attributes: { "x-mine": "yes" }, orderingKey: "web" });
    await until(() => deliveries.length === 1);
    expect(deliveries[0]?.body).toBe("hello");
    expect(deliveries[0]?.headers).toMatchObject({
      "x-mine": "yes",
      "x-goog-pubsub-subscription-name": "projects/acme/subscriptions/work",
      "x-goog-pubsub-message-id": (messageIds as string[])[0],
      "x-goog-pubsub-publish-time": "2026-01-01T00:00:00.000Z",
      "x-goog-pubsub-ordering-key": "web",
    });
    expect(deliveries[0]?.headers).not.toHaveProperty("content-type");
  });

  it("takes an unanswered push back when the endpoint is changed", async () => {
    answers = ["wait", 204];
    await subscribe();
    await publish({ data: "YQ==" });
    await until(() => deliveries.length === 1);
    await call("POST", "subscriptions/work:modifyPushConfig", { pushConfig: {} });
    await call("POST", "subscriptions/work:modifyPushConfig", { pushConfig: { pushEndpoint: endpoint } });
    await until(() => deliveries.length === 2);
  });
});

describe("authenticated push", () => {
  it("carries an identity token of the account for the audience", async () => {
    const { PubsubCore } = await import("../../../emulator/pubsub/core.ts");
    const { Ids } = await import("../../../emulator/frame/ids.ts");
    const seen: IncomingHttpHeaders[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers);
      request.resume();
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const core = new PubsubCore({
      project: "acme",
      projectNumber: "1",
      clock: new ManualClock(0),
      ids: new Ids("push"),
      loose: false,
      folder: "",
      origin: "",
      changed: () => {},
      doors: {
        log: () => {},
        publish: () => false,
        readObject: () => undefined,
        allowed: () => true,
        principal: () => "",
        accessToken: () => ({ token: "", expiresInSeconds: 0 }),
        identityToken: (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url"),
      },
    });
    core.createTopic({ name: "projects/acme/topics/orders" });
    for (const [id, audience] of [
      ["default", undefined],
      ["explicit", "https://run.example"],
    ] as const) {
      core.createSubscription({
        name: `projects/acme/subscriptions/${id}`,
        topic: "projects/acme/topics/orders",
        pushConfig: {
          pushEndpoint: endpoint,
          oidcToken: { serviceAccountEmail: "push@acme.iam.gserviceaccount.com", ...(audience && { audience }) },
        },
      });
    }
    core.publish("projects/acme/topics/orders", [{ data: "YQ==" }]);
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    const claims = seen.map(({ authorization = "" }) => {
      expect(authorization).toMatch(/^Bearer /);
      return JSON.parse(Buffer.from(authorization.slice(7), "base64url").toString());
    });
    expect(claims.map(({ aud }) => aud).sort()).toEqual([endpoint, "https://run.example"].sort());
    for (const claim of claims) {
      expect(claim).toMatchObject({ email: "push@acme.iam.gserviceaccount.com", email_verified: true });
      expect(claim.sub).toMatch(/^\d{21}$/);
    }
    core.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
