import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PubSub } from "@google-cloud/pubsub";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Json, openPlace, type Place } from "./place.ts";

let place: Place;
const ends: (() => Promise<unknown> | unknown)[] = [];

beforeEach(async () => {
  process.env.METADATA_SERVER_DETECTION = "none";
  place = await openPlace();
  ends.push(() => place.emulator.close());
  await place.ask("PUT", "/v1/projects/moult-local/topics/news", {});
  await place.ask("PUT", `/v1/${SUBSCRIPTION}`, { topic: TOPIC });
});
afterEach(async () => {
  delete process.env.PUBSUB_EMULATOR_HOST;
  for (const end of ends.splice(0).reverse()) await end();
});

const TOPIC = "projects/moult-local/topics/news";
const SUBSCRIPTION = "projects/moult-local/subscriptions/desk";

interface Received {
  ackId: string;
  message: { messageId: string; data: string };
}

const publish = (...texts: string[]) =>
  place.ask("POST", `/v1/${TOPIC}:publish`, { messages: texts.map((text) => ({ data: btoa(text) })) });

async function pull(): Promise<string[]> {
  const { receivedMessages = [] } = await place.ask<{ receivedMessages?: Received[] }>(
    "POST",
    `/v1/${SUBSCRIPTION}:pull`,
    {
      maxMessages: 10,
      returnImmediately: true,
    },
  );
  const ackIds = receivedMessages.map(({ ackId }) => ackId);
  if (ackIds.length > 0) await place.ask("POST", `/v1/${SUBSCRIPTION}:acknowledge`, { ackIds });
  return receivedMessages.map(({ message }) => atob(message.data));
}

describe("a message on its way", () => {
  const rows: [string, Json, string[][]][] = [
    ["arrives", {}, [["a", "b", "c"], []]],
    ["is lost", { do: { drop: true }, times: 1 }, [["b", "c"], []]],
    ["comes again after it was acknowledged", { do: { duplicate: true }, times: 1 }, [["a", "b", "c"], ["a"], []]],
    ["is overtaken by the next", { do: { reorder: true }, times: 1 }, [["b", "a", "c"], []]],
  ];
  it.each(rows)("%s", async (_sentence, rule, pulls) => {
    if (rule.do) await place.fault({ match: { method: "pubsub.deliver" }, ...rule });
    await publish("a", "b", "c");
    for (const wanted of pulls) expect(await pull()).toEqual(wanted);
  });

  it("is late by the emulator's clock", async () => {
    await place.fault({ match: { method: "pubsub.deliver" }, do: { delay: 60_000 }, times: 1 });
    await publish("a", "b");
    expect(await pull()).toEqual(["b"]);
    await place.advance(60);
    expect(await pull()).toEqual(["a"]);
  });

  it("that waits to be overtaken comes all the same when nothing follows", async () => {
    await place.fault({ match: { method: "pubsub.deliver" }, do: { reorder: true }, times: 1 });
    await publish("a");
    expect(await pull()).toEqual([]);
    await place.advance(2);
    expect(await pull()).toEqual(["a"]);
  });

  it("suffers only in the subscription that a rule names", async () => {
    await place.ask("PUT", "/v1/projects/moult-local/subscriptions/other", { topic: TOPIC });
    await place.fault({ match: { method: "pubsub.deliver", resource: "/other$" }, do: { drop: true } });
    await publish("a");
    expect(await pull()).toEqual(["a"]);
  });
});

describe("a push", () => {
  async function endpoint(): Promise<{ url: string; got: string[] }> {
    const got: string[] = [];
    const server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      got.push(atob((JSON.parse(text) as Received).message.data));
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, got };
  }
  const rows: [string, Json, number][] = [
    ["whose answer is lost is delivered again", { do: { drop: true }, when: "after" }, 2],
    ["that fails is not made, and tried again", { do: { fail: { status: 503 } } }, 1],
  ];
  it.each(rows)("%s", async (_sentence, rule, deliveries) => {
    const { url, got } = await endpoint();
    await place.ask("PUT", "/v1/projects/moult-local/subscriptions/pushed", {
      topic: TOPIC,
      pushConfig: { pushEndpoint: url },
    });
    await place.fault({ match: { method: "pubsub.push" }, times: 1, ...rule });
    await publish("a");
    await expect.poll(async () => (await place.faults())[0]?.fired).toBe(1);
    await expect
      .poll(async () => {
        await place.advance(1);
        return got.length;
      })
      .toBe(deliveries);
    expect(got).toEqual(Array.from({ length: deliveries }, () => "a"));
  });
});

describe("a log sink", () => {
  it.each([
    ["exports twice, under two message ids", { duplicate: true }, 2],
    ["loses an entry", { drop: true }, 0],
  ])("%s", async (_sentence, action, count) => {
    await place.ask("POST", "/v2/projects/moult-local/sinks", {
      name: "images",
      destination: `pubsub.googleapis.com/${TOPIC}`,
      filter: 'protoPayload.methodName:"images.insert" AND operation.last=true',
    });
    await place.fault({ match: { method: "logging.export", resource: "sinks/images$" }, do: action });
    await place.ask("POST", "/compute/v1/projects/moult-local/global/images", {
      name: "one",
      sourceImage: "projects/debian-cloud/global/images/family/debian-12",
    });
    await place.advance(5);
    const { receivedMessages = [] } = await place.ask<{ receivedMessages?: Received[] }>(
      "POST",
      `/v1/${SUBSCRIPTION}:pull`,
      { maxMessages: 10, returnImmediately: true },
    );
    expect(new Set(receivedMessages.map(({ message }) => message.messageId)).size).toBe(count);
    expect(new Set(receivedMessages.map(({ message }) => message.data)).size).toBe(Math.min(1, count));
  });
});

describe("Google's clients over gRPC", () => {
  it("Secret Manager: an access that is refused once is tried again by the client itself", async () => {
    const [servicePath = "", port] = place.emulator.grpc.split(":");
    const client = new SecretManagerServiceClient({
      servicePath,
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    });
    ends.push(() => client.close());
    const parent = "projects/moult-local/secrets/s";
    await client.createSecret({
      parent: "projects/moult-local",
      secretId: "s",
      secret: { replication: { automatic: {} } },
    });
    await client.addSecretVersion({ parent, payload: { data: Buffer.from("hush") } });
    const method = "secretmanager.projects.secrets.versions.access";
    await place.fault({ match: { method }, do: { fail: { status: 503 } }, times: 1 });
    const [{ payload }] = await client.accessSecretVersion({ name: `${parent}/versions/1` });
    expect(payload?.data?.toString()).toBe("hush");
    expect(await place.faults()).toMatchObject([{ seen: 2, fired: 1 }]);
    await place.fault({ match: { method }, do: { fail: { status: 403 } } });
    await expect(client.accessSecretVersion({ name: `${parent}/versions/1` })).rejects.toMatchObject({ code: 7 });
  });

  it("Pub/Sub: a publish whose answer is lost is published twice", async () => {
    process.env.PUBSUB_EMULATOR_HOST = place.emulator.grpc;
    const client = new PubSub({ projectId: "moult-local" });
    ends.push(() => client.close());
    await place.fault({
      match: { method: "pubsub.projects.topics.publish", resource: `^${TOPIC}$` },
      do: { reset: true },
      when: "after",
      times: 1,
    });
    await client.topic("news").publishMessage({ data: Buffer.from("once?") });
    expect(await pull()).toEqual(["once?", "once?"]);
  });

  it("Pub/Sub: a streaming pull that fails to open is opened again", async () => {
    process.env.PUBSUB_EMULATOR_HOST = place.emulator.grpc;
    const client = new PubSub({ projectId: "moult-local" });
    ends.push(() => client.close());
    await place.fault({
      match: { method: "pubsub.projects.subscriptions.streamingPull", resource: "/desk$" },
      do: { fail: { status: 503 } },
      times: 1,
    });
    const subscription = client.subscription("desk");
    ends.push(() => subscription.close());
    const got = new Promise<string>((resolve, reject) => {
      subscription.on("error", reject);
      subscription.on("message", (message: { data: Buffer; ack(): void }) => {
        message.ack();
        resolve(message.data.toString());
      });
    });
    await publish("a");
    expect(await got).toBe("a");
    // The client holds several streams open.
    expect(await place.faults()).toMatchObject([{ fired: 1 }]);
  });
});

describe("machines", () => {
  const base = "/compute/v1/projects/moult-local";
  const make = (name: string) =>
    place.ask("POST", `${base}/zones/us-central1-a/instances`, {
      name,
      machineType: "zones/us-central1-a/machineTypes/e2-small",
      disks: [
        { boot: true, initializeParams: { sourceImage: "projects/debian-cloud/global/images/family/debian-12" } },
      ],
      networkInterfaces: [{}],
    });
  const outcome = async ({ name }: Json) => {
    await place.advance(5);
    const done = await place.ask<{ error?: { errors: Json[] } }>(
      "GET",
      `${base}/zones/us-central1-a/operations/${name}`,
    );
    return done.error?.errors[0]?.code ?? "made";
  };

  it.each([
    [
      "find no room in a zone, so often",
      { do: { stockOut: "us-central1-a" }, times: 1 },
      "ZONE_RESOURCE_POOL_EXHAUSTED",
    ],
    ["find room in another zone's stock-out", { do: { stockOut: "us-central1-b" }, times: 1 }, "made"],
    ["find a quota used up", { do: { quota: "CPUS" }, times: 1 }, "QUOTA_EXCEEDED"],
  ])("%s", async (_sentence, rule, first) => {
    await place.fault(rule);
    expect(await outcome(await make("one"))).toBe(first);
    expect(await outcome(await make("two"))).toBe("made");
  });
});
