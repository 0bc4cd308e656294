import { AckResponses, type Message, PubSub, type Subscription, v1 } from "@google-cloud/pubsub";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../../emulator/index.ts";

let emulator: Emulator;
let pubsub: PubSub;
let raw: InstanceType<typeof v1.SubscriberClient>;
let count = 0;

beforeAll(async () => {
  emulator = await startEmulator({ instances: "virtual", clock: "manual" });
  Object.assign(process.env, { METADATA_SERVER_DETECTION: "none", PUBSUB_EMULATOR_HOST: emulator.grpc });
  pubsub = new PubSub({ projectId: emulator.project });
  const { credentials } = await import("@grpc/grpc-js");
  const [servicePath, port] = emulator.grpc.split(":");
  raw = new v1.SubscriberClient({
    servicePath: servicePath ?? "",
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    projectId: emulator.project,
  });
});
afterAll(async () => {
  await raw.close();
  await pubsub.close();
  await emulator.close();
});

const advance = (ms: number) => {
  const { clock } = emulator;
  if (!("advance" in clock) || typeof clock.advance !== "function") throw new Error("the clock is not driven");
  return clock.advance(ms) as Promise<void>;
};

async function pair(settings: object) {
  const n = ++count;
  const [topic] = await pubsub.createTopic(`once-${n}`);
  const [subscription] = await topic.createSubscription(`once-${n}`, settings);
  return { topic, subscription };
}

const first = (subscription: Subscription) =>
  new Promise<Message>((resolve, reject) => {
    // Kept on: a subscription that nobody listens to closes, and an acknowledgement with it.
    subscription.on("message", resolve);
    subscription.on("error", reject);
  });

async function pull(subscription: Subscription) {
  const [{ receivedMessages = [] }] = await raw.pull({ subscription: subscription.name, maxMessages: 1 });
  return String(receivedMessages?.[0]?.ackId);
}

describe("exactly-once delivery", () => {
  it("is shown, and tells the client that an acknowledgement was taken", async () => {
    const { topic, subscription } = await pair({ enableExactlyOnceDelivery: true });
    expect((await subscription.getMetadata())[0].enableExactlyOnceDelivery).toBe(true);
    await topic.publishMessage({ data: Buffer.from("one") });
    const message = await first(subscription);
    await expect(message.ackWithResponse()).resolves.toBe(AckResponses.Success);
    await subscription.close();
  });

  const ended: [string, (subscription: Subscription, ackId: string) => Promise<unknown>][] = [
    ["was acknowledged before", (s, ackId) => raw.acknowledge({ subscription: s.name, ackIds: [ackId] })],
    [
      "was given back",
      (s, ackId) => raw.modifyAckDeadline({ subscription: s.name, ackIds: [ackId], ackDeadlineSeconds: 0 }),
    ],
    ["ran past its deadline", () => advance(11_000)],
  ];
  it.each(ended)("refuses, with which it is, an ack id whose delivery %s", async (_sentence, end) => {
    const { topic, subscription } = await pair({ enableExactlyOnceDelivery: true });
    await topic.publishMessage({ data: Buffer.from("x") });
    const ackId = await pull(subscription);
    await end(subscription, ackId);
    const request = { subscription: subscription.name, ackIds: [ackId] };
    const refusal = { code: 3, errorInfoMetadata: { [ackId]: "PERMANENT_FAILURE_INVALID_ACK_ID" } };
    await expect(raw.acknowledge(request)).rejects.toMatchObject(refusal);
    await expect(raw.modifyAckDeadline({ ...request, ackDeadlineSeconds: 20 })).rejects.toMatchObject(refusal);
  });

  it("takes the good ids of a request that has bad ones too", async () => {
    const { topic, subscription } = await pair({ enableExactlyOnceDelivery: true });
    await topic.publishMessage({ data: Buffer.from("x") });
    const ackId = await pull(subscription);
    const request = { subscription: subscription.name, ackIds: ["bm9uc2Vuc2U", ackId] };
    await expect(raw.acknowledge(request)).rejects.toMatchObject({
      errorInfoMetadata: { bm9uc2Vuc2U: "PERMANENT_FAILURE_INVALID_ACK_ID" },
    });
    await advance(30_000);
    const [{ receivedMessages }] = await raw.pull({
      subscription: subscription.name,
      maxMessages: 1,
      returnImmediately: true,
    });
    expect(receivedMessages).toEqual([]);
  });

  it("is not for pushed subscriptions, and can be turned off", async () => {
    await expect(pair({ enableExactlyOnceDelivery: true, pushEndpoint: "http://127.0.0.1:9/" })).rejects.toMatchObject({
      code: 3,
    });
    const { topic, subscription } = await pair({ enableExactlyOnceDelivery: true });
    await subscription.setMetadata({ enableExactlyOnceDelivery: false });
    await topic.publishMessage({ data: Buffer.from("x") });
    const ackId = await pull(subscription);
    await advance(11_000);
    // Without it, a late acknowledgement still counts.
    await raw.acknowledge({ subscription: subscription.name, ackIds: [ackId] });
    const [{ receivedMessages }] = await raw.pull({
      subscription: subscription.name,
      maxMessages: 1,
      returnImmediately: true,
    });
    expect(receivedMessages).toEqual([]);
  });
});
