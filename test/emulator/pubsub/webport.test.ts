import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { PubSub } from "@google-cloud/pubsub";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await startEmulator({ instances: "virtual" });
});
afterEach(() => emulator.close());

it("serves gRPC on the web port too, beside REST", async () => {
  const host = new URL(emulator.url).host;
  Object.assign(process.env, { METADATA_SERVER_DETECTION: "none", PUBSUB_EMULATOR_HOST: host });
  const pubsub = new PubSub({ projectId: emulator.project });
  const [topic] = await pubsub.createTopic("orders");
  const [subscription] = await topic.createSubscription("work");
  const came = new Promise<Buffer>((resolve, reject) => {
    subscription.on("error", reject);
    subscription.on("message", (message) => {
      message.ack();
      resolve(message.data);
    });
  });
  const sent = Buffer.alloc(1_000_000, "x");
  await topic.publishMessage({ data: sent });
  expect((await came).equals(sent)).toBe(true);
  const rest = await fetch(`${emulator.url}/v1/projects/${emulator.project}/topics`);
  expect(await rest.json()).toMatchObject({ topics: [{ name: topic.name }] });
  await pubsub.close();
});

it("takes an HTTP/1 request whose first letters come alone and look like HTTP/2's", async () => {
  const socket = connect(Number(new URL(emulator.url).port), "127.0.0.1");
  await once(socket, "connect");
  await new Promise((sent) => socket.write("P", sent));
  // A round trip on another connection: by then the server has read the letter.
  await fetch(`${emulator.url}/v1/projects/${emulator.project}/topics`);
  const body = JSON.stringify({ name: "split-up" });
  socket.write(`OST /storage/v1/b?project=p HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /);
  socket.destroy();
});

it("closes although a client stands still in the middle of a stream, and another has said nothing", async () => {
  const silent = connect(Number(new URL(emulator.url).port), "127.0.0.1");
  const links: Socket[] = [];
  const between = createServer((client) => {
    const server = connect(Number(emulator.grpc.split(":")[1]), "127.0.0.1");
    links.push(client, server);
    client.pipe(server).pipe(client);
  });
  between.listen(0, "127.0.0.1");
  await once(between, "listening");
  const { port } = between.address() as AddressInfo;
  Object.assign(process.env, { METADATA_SERVER_DETECTION: "none", PUBSUB_EMULATOR_HOST: `127.0.0.1:${port}` });
  const pubsub = new PubSub({ projectId: emulator.project });
  const [topic] = await pubsub.createTopic("orders");
  const [subscription] = await topic.createSubscription("work");
  const came = once(subscription, "message");
  subscription.on("error", () => {});
  await topic.publishMessage({ data: Buffer.from("x") });
  await came;
  // As at a breakpoint: nothing is read any more, and no goodbye answered.
  for (const link of links) link.unpipe().pause();
  await Promise.all([once(silent, "close"), emulator.close()]);
  for (const link of links) link.destroy();
  between.close();
  await pubsub.close();
  emulator = await startEmulator({ instances: "virtual" });
}, 10_000);
