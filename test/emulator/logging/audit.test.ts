import { PubSub, v1 } from "@google-cloud/pubsub";
import { CloudSchedulerClient } from "@google-cloud/scheduler";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Feed } from "../../../emulator/admin/feed.ts";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { methodOf } from "../../../emulator/frame/faults/grpc.ts";
import { openServices } from "../../../emulator/services.ts";
import type { LogEntry } from "../../../wire/logging.d.ts";
import { type Json, openPlace, type Place } from "../faults/place.ts";

/** What is written down of calls to services other than Compute, whichever door they come in by. */

const PROJECT = "projects/moult-local";
const JOBS = `${PROJECT}/locations/us-central1/jobs`;

let place: Place;
let grpc: { apiEndpoint: string; port: number; sslCreds: ReturnType<typeof credentials.createInsecure> };

beforeAll(async () => {
  process.env.METADATA_SERVER_DETECTION = "none";
  place = await openPlace();
  process.env.PUBSUB_EMULATOR_HOST = place.emulator.grpc;
  const [apiEndpoint = "", port] = place.emulator.grpc.split(":");
  grpc = { apiEndpoint, port: Number(port), sslCreds: credentials.createInsecure() };
  await place.ask("PUT", `/v1/${PROJECT}/topics/ticks`, {});
});
afterAll(async () => {
  delete process.env.METADATA_SERVER_DETECTION;
  delete process.env.PUBSUB_EMULATOR_HOST;
  await place.emulator.close();
});

async function entriesOf(filter: string): Promise<LogEntry[]> {
  const { entries = [] } = await place.ask<{ entries?: LogEntry[] }>("POST", "/v2/entries:list", {
    resourceNames: [PROJECT],
    filter: `log_id("cloudaudit.googleapis.com/activity") AND ${filter}`,
  });
  return entries;
}

/** What two entries of the same call have in common. */
function essence({ severity, resource, protoPayload }: LogEntry): Json {
  const { requestMetadata: _, response: _made, ...payload } = protoPayload ?? { requestMetadata: {} };
  return { ...payload, severity, type: resource.type };
}

describe("the same call by either door", () => {
  const job = (name: string) => ({
    name: `${JOBS}/${name}`,
    schedule: "* * * * *",
    timeZone: "Etc/UTC",
    pubsubTarget: { topicName: `${PROJECT}/topics/ticks`, attributes: { a: "b" } },
  });
  const doors: [string, (name: string) => Promise<unknown>, (name: string) => Promise<unknown>, string][] = [
    [
      "makes a job",
      (name) => place.ask("POST", `/v1/${JOBS}`, { ...job(name), attemptDeadline: "30s" }),
      (name) =>
        client(CloudSchedulerClient, (scheduler) =>
          scheduler.createJob({
            parent: `${PROJECT}/locations/us-central1`,
            job: { ...job(name), attemptDeadline: { seconds: 30 } },
          }),
        ),
      "CloudScheduler.CreateJob",
    ],
    [
      "is refused a job that is not there",
      (name) => place.send("DELETE", `/v1/${JOBS}/${name}`),
      (name) =>
        client(CloudSchedulerClient, (scheduler) => scheduler.deleteJob({ name: `${JOBS}/${name}` })).catch(() => {}),
      "CloudScheduler.DeleteJob",
    ],
    [
      "makes a topic",
      (name) => place.ask("PUT", `/v1/${PROJECT}/topics/${name}`, { labels: { team: "web" } }),
      async (name) => {
        const pubsub = new PubSub({ projectId: "moult-local" });
        await pubsub.createTopic({ name: `${PROJECT}/topics/${name}`, labels: { team: "web" } });
        await pubsub.close();
      },
      "Publisher.CreateTopic",
    ],
    [
      "makes a secret",
      (name) => place.ask("POST", `/v1/${PROJECT}/secrets?secretId=${name}`, { replication: { automatic: {} } }),
      (name) =>
        client(SecretManagerServiceClient, (secrets) =>
          secrets.createSecret({ parent: PROJECT, secretId: name, secret: { replication: { automatic: {} } } }),
        ),
      "SecretManagerService.CreateSecret",
    ],
  ];

  test.each(doors)("%s, and its entry is the same", async (_sentence, overRest, overGrpc, method) => {
    await overRest("by-door");
    await overGrpc("by-wire");
    const entries = await entriesOf(`protoPayload.methodName:"${method}" AND protoPayload.resourceName:"by-"`);
    expect(entries).toHaveLength(2);
    const [wire, door] = entries
      .map((entry) => JSON.stringify(essence(entry)))
      .sort((one, other) => Number(one.includes("by-door")) - Number(other.includes("by-door")));
    // How REST and gRPC wrap a body differs; what it says does not.
    const said = (text = "{}") => {
      const { request, ...rest } = JSON.parse(text.replaceAll(/by-(door|wire)/g, "it")) as { request: Json };
      const { "@type": type, parent: _parent, secretId: _id, job: inner, secret, ...own } = request;
      return { ...rest, type, body: inner ?? secret ?? own };
    };
    expect(said(wire)).toEqual(said(door));
  });

  async function client<C extends { close(): Promise<void> }>(
    Client: new (options: typeof grpc) => C,
    run: (made: C) => Promise<unknown>,
  ): Promise<void> {
    const made = new Client(grpc);
    try {
      await run(made);
    } finally {
      await made.close();
    }
  }
});

test("an entry names the messages as the API does, and the parent as what was asked", async () => {
  await place.ask("PUT", `/v1/${PROJECT}/topics/named`, {});
  const [entry] = await entriesOf(`protoPayload.resourceName="${PROJECT}/topics/named"`);
  expect(entry?.protoPayload).toMatchObject({
    request: { "@type": "type.googleapis.com/google.pubsub.v1.Topic", name: `${PROJECT}/topics/named` },
    response: { "@type": "type.googleapis.com/google.pubsub.v1.Topic", name: `${PROJECT}/topics/named` },
    authorizationInfo: [{ resource: PROJECT, permission: "pubsub.topics.create", granted: true }],
  });
});

test("a schema's revision that is taken away over gRPC is written down", async () => {
  const schemas = new v1.SchemaServiceClient(grpc);
  const definition = '{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}';
  await schemas.createSchema({ parent: PROJECT, schemaId: "orders", schema: { type: "AVRO", definition } });
  const next = definition.replace('"a"', '"b"');
  const name = `${PROJECT}/schemas/orders`;
  const [{ revisionId }] = await schemas.commitSchema({ name, schema: { name, type: "AVRO", definition: next } });
  await schemas.deleteSchemaRevision({ name: `${name}@${revisionId}` });
  await schemas.close();
  expect(await entriesOf('protoPayload.methodName:"DeleteSchemaRevision"')).toHaveLength(1);
});

describe("calls inside a batch of Storage's", () => {
  const batch = (...parts: [line: string, body?: string][]) =>
    place.send(
      "POST",
      "/batch/storage/v1",
      `${parts.map(([line, body = ""]) => `--x\r\nContent-Type: application/http\r\n\r\n${line} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n${body}\r\n`).join("")}--x--`,
      { "content-type": "multipart/mixed; boundary=x" },
    );

  test("are written down one by one, as those that come alone", async () => {
    await place.ask("POST", "/storage/v1/b?project=moult-local", { name: "batched" });
    const answer = await batch(
      ["PATCH /storage/v1/b/batched", '{"labels":{"team":"web"}}'],
      ["DELETE /storage/v1/b/batched"],
      ["DELETE /storage/v1/b/batched"],
    );
    expect((await answer.text()).match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 204", "HTTP/1.1 404"]);
    const entries = await entriesOf('protoPayload.resourceName="projects/_/buckets/batched"');
    expect(entries.map(({ severity, protoPayload }) => `${severity} ${protoPayload?.methodName}`).sort()).toEqual([
      "ERROR storage.buckets.delete",
      "NOTICE storage.buckets.create",
      "NOTICE storage.buckets.delete",
      "NOTICE storage.buckets.update",
    ]);
  });

  test("suffer one by one, and a connection that is reset takes the batch with it", async () => {
    await place.fault({ match: { method: "storage.buckets.list" }, do: { fail: { status: 503 } }, times: 1 });
    const list = "GET /storage/v1/b?project=moult-local";
    expect((await (await batch([list], [list])).text()).match(/HTTP\/1\.1 \d+/g)).toEqual([
      "HTTP/1.1 503",
      "HTTP/1.1 200",
    ]);
    await place.fault({ match: { method: "storage.buckets.list" }, do: { reset: true }, times: 1 });
    await expect(batch([list])).rejects.toThrow();
  });
});

test("every method over gRPC has the name of its route over REST, by which faults and the audit know it", async () => {
  const services = openServices(
    {
      project: "acme",
      projectNumber: "1",
      clock: new ManualClock(0),
      seed: "names",
      loose: false,
      folder: "/nowhere",
      instances: "virtual",
      agent: "",
      eventBackoffSeconds: 1,
      feed: new Feed(),
      changed: () => {},
    },
    { reset: async () => {}, export: () => Buffer.alloc(0), import: async () => {} },
  );
  const known = new Set(services.router.services.flatMap(({ routes }) => routes.map(({ id }) => id)));
  const resource = (path: string) =>
    path.includes("SecretManager") ? "projects/acme/secrets/s" : "projects/acme/topics/t";
  const names = services.grpc.flatMap(({ definition, implementation }) =>
    Object.entries(definition)
      .filter(([name]) => name in implementation)
      .map(([, { path }]) => methodOf(path, resource(path))),
  );
  await services.close();
  expect(names.length).toBeGreaterThan(60);
  // A stream has no counterpart over REST.
  const streams = ["pubsub.projects.subscriptions.streamingPull"];
  expect(names.filter((name) => !known.has(name) && !streams.includes(name))).toEqual([]);
});
