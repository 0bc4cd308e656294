import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

/** Keeps each event as a line of a file; the first event with data `fail` is refused. */
const FUNCTION = `
const { appendFileSync, existsSync } = require("node:fs");
const functions = require(process.env.FRAMEWORK);
let failed = false;
functions.cloudEvent("target", (event) => {
  appendFileSync(process.env.RECORD, JSON.stringify(event) + "\\n");
  const text = Buffer.from(event.data.message.data ?? "", "base64").toString();
  if (text === "fail" && !failed) {
    failed = true;
    throw new Error("refused once");
  }
});
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

describe("Eventarc to a function under the unmodified functions-framework", () => {
  let emulator: Emulator;
  let framework: ChildProcess;
  let folder: string;
  let uri: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "moult-eventarc-"));
    await writeFile(join(folder, "index.js"), FUNCTION);
    await writeFile(join(folder, "package.json"), `{"main":"index.js"}`);
    await writeFile(join(folder, "events"), "");
    emulator = await startEmulator({ instances: "virtual", project: "acme" });
    const port = await freePort();
    uri = `http://127.0.0.1:${port}/`;
    framework = spawn(
      process.execPath,
      [resolve("node_modules/.bin/functions-framework"), "--target=target", `--port=${port}`],
      {
        cwd: folder,
        env: {
          ...process.env,
          FRAMEWORK: resolve("node_modules/@google-cloud/functions-framework"),
          RECORD: join(folder, "events"),
        },
        stdio: "ignore",
      },
    );
    await vi.waitFor(() => fetch(uri), { timeout: 20_000, interval: 50 });
  });

  afterAll(async () => {
    framework.kill();
    await emulator.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function call(method: string, path: string, body?: object, status = 200): Promise<Record<string, unknown>> {
    const response = await fetch(`${emulator.url}/v1/projects/acme/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    const json = (await response.json()) as Record<string, unknown>;
    expect([response.status, json]).toEqual([status, json]);
    return json;
  }

  const filters = [{ attribute: "type", value: "google.cloud.pubsub.topic.v1.messagePublished" }];

  const events = async () =>
    (await readFile(join(folder, "events"), "utf8"))
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));

  it("delivers a message as the CloudEvent google.cloud.pubsub.topic.v1.messagePublished", async () => {
    await call("PUT", "topics/images", {});
    const operation = await call("POST", "locations/us-central1/triggers?triggerId=on-image", {
      eventFilters: filters,
      destination: { httpEndpoint: { uri } },
      transport: { pubsub: { topic: "projects/acme/topics/images" } },
    });
    expect(operation).toMatchObject({
      name: expect.stringMatching(/^projects\/acme\/locations\/us-central1\/operations\/eventarc-/),
      done: true,
    });
    const polled = await call("GET", String(operation.name).replace("projects/acme/", ""));
    expect(polled).toEqual(operation);
    const trigger = await call("GET", "locations/us-central1/triggers/on-image");
    const { subscription } = (trigger.transport as { pubsub: { subscription: string } }).pubsub;
    expect(subscription).toMatch(/^projects\/acme\/subscriptions\/eventarc-us-central1-on-image-sub-\d{3}$/);
    expect(await call("GET", subscription.replace("projects/acme/", ""))).toMatchObject({
      messageRetentionDuration: "86400s",
      retryPolicy: { minimumBackoff: "1s", maximumBackoff: "600s" },
    });

    const published = await call("POST", "topics/images:publish", {
      messages: [{ data: "aGVsbG8=", attributes: { k: "v" } }],
    });
    await vi.waitFor(async () => expect(await events()).toHaveLength(1), { timeout: 5000 });
    const [event] = await events();
    const [id] = published.messageIds as string[];
    expect(event).toMatchObject({
      id,
      type: "google.cloud.pubsub.topic.v1.messagePublished",
      source: "//pubsub.googleapis.com/projects/acme/topics/images",
      specversion: "1.0",
      time: event.data.message.publishTime,
      data: {
        subscription,
        message: { data: "aGVsbG8=", attributes: { k: "v" }, messageId: id, message_id: id },
      },
    });
  });

  it("delivers again what the function threw on", async () => {
    const before = (await events()).length;
    await call("POST", "topics/images:publish", { messages: [{ data: Buffer.from("fail").toString("base64") }] });
    await vi.waitFor(async () => expect(await events()).toHaveLength(before + 2), { timeout: 8000 });
    const [first, second] = (await events()).slice(before);
    expect(first.id).toBe(second.id);
  });

  it("makes a topic when none is given, and removes it with the trigger", async () => {
    await call("POST", "locations/us-central1/triggers?triggerId=own-topic", {
      eventFilters: filters,
      destination: { httpEndpoint: { uri } },
    });
    const { triggers } = await call("GET", "locations/-/triggers");
    expect((triggers as { name: string }[]).map(({ name }) => name.split("/").pop())).toEqual([
      "on-image",
      "own-topic",
    ]);
    const trigger = await call("GET", "locations/us-central1/triggers/own-topic");
    const { topic } = (trigger.transport as { pubsub: { topic: string } }).pubsub;
    await call("GET", topic.replace("projects/acme/", ""));
    await call("DELETE", "locations/us-central1/triggers/own-topic");
    await call("GET", topic.replace("projects/acme/", ""), undefined, 404);
    await call("GET", "locations/us-central1/triggers/own-topic", undefined, 404);
  });

  it.each([
    ["a destination it cannot reach", { destination: { cloudRun: { service: "s", region: "r" } } }, 501],
    ["no destination", {}, 400],
    [
      "another type of event",
      { eventFilters: [{ attribute: "type", value: "google.cloud.audit.log.v1.written" }] },
      501,
    ],
    ["no type", { eventFilters: [] }, 400],
  ])("refuses %s", async (_, body, status) => {
    await call("POST", "locations/us-central1/triggers?triggerId=bad", { eventFilters: filters, ...body }, status);
  });
});
