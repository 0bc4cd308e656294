import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { auditedMethod, isUnaudited } from "../../../emulator/logging/audit/methods.ts";
import type { LogEntry } from "../../../wire/logging.d.ts";

interface Method {
  id: string;
  method: string;
  path: string;
}

let emulator: Emulator;
let methods: Method[];
beforeAll(async () => {
  emulator = await startEmulator({ instances: "virtual" });
  methods = ((await (await fetch(`${emulator.url}/emulator/methods`)).json()) as { methods: Method[] }).methods;
});
afterAll(() => emulator.close());

/** Posted, and yet they only read. */
const READS = /^compute\..*\.(list\w*|wait|getHealth|get\w*|testIamPermissions|aggregatedList|validate)$/;

const mutating = () =>
  methods.filter(({ id, method }) => method !== "GET" && !(READS.test(id) && method === "POST") && !isUnaudited(id));

const call = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(`${emulator.url}${path}`, {
    method,
    headers: { "content-type": "application/json", "user-agent": "audit-test/1" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
};

async function entries(filter = ""): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  let pageToken: string | undefined;
  do {
    const { text } = await call("POST", "/v2/entries:list", {
      resourceNames: [`projects/${emulator.project}`],
      filter,
      pageSize: 1000,
      ...(pageToken && { pageToken }),
    });
    const page = JSON.parse(text) as { entries?: LogEntry[]; nextPageToken?: string };
    all.push(...(page.entries ?? []));
    pageToken = page.nextPageToken;
  } while (pageToken);
  return all;
}

const filled = (path: string) =>
  path.replace(/\{(\w+)\+?\}/g, (_, name: string) => {
    const known: Record<string, string> = {
      project: emulator.project,
      zone: "us-central1-a",
      region: "us-central1",
      location: "us-central1",
    };
    return known[name] ?? "none";
  });

const nameOf = (id: string) => (id.startsWith("compute.") ? `v1.${id}` : auditedMethod(id)?.methodName);

describe("a method that changes something", () => {
  test("is known to the audit log by name, or said to write no entry", () => {
    expect(mutating().filter(({ id }) => nameOf(id) === undefined)).toEqual([]);
    // Whoever takes the table away takes the test away too.
    expect(mutating().length).toBeGreaterThan(100);
  });

  test("writes an entry when it is refused, with the reason, and none twice", async () => {
    await call("POST", "/emulator/iam/deny", { permission: "*" });
    const asked = mutating();
    for (const { method, path } of asked) await call(method, filled(path), method === "DELETE" ? undefined : {});
    await call("DELETE", "/emulator/iam/deny");
    const written = await entries('log_id("cloudaudit.googleapis.com/activity") AND severity=ERROR');
    const counts = new Map<string, number>();
    for (const { protoPayload } of written) {
      const name = protoPayload?.methodName ?? "";
      counts.set(name, (counts.get(name) ?? 0) + 1);
      expect([name, protoPayload?.status?.code, protoPayload?.authenticationInfo?.principalEmail]).toEqual([
        name,
        expect.any(Number),
        expect.stringContaining("@"),
      ]);
    }
    const expected = new Map<string, number>();
    for (const { id } of asked) expected.set(nameOf(id) ?? "", (expected.get(nameOf(id) ?? "") ?? 0) + 1);
    const silent = [...expected].filter(([name, count]) => (counts.get(name) ?? 0) !== count);
    expect(silent.map(([name, count]) => `${name}: ${counts.get(name) ?? 0} instead of ${count}`)).toEqual([]);
  });
});

/** A call, and the entries that the audit logging pages of its service say it writes. */
const WRITES: [
  method: string,
  path: string,
  body: unknown,
  name: string,
  resource: string,
  about: string,
  count: number,
][] = [
  [
    "PUT",
    "/v1/projects/P/topics/orders",
    {},
    "google.pubsub.v1.Publisher.CreateTopic",
    "pubsub_topic",
    "projects/P/topics/orders",
    1,
  ],
  [
    "PATCH",
    "/v1/projects/P/topics/orders",
    { topic: { labels: { a: "b" } }, updateMask: "labels" },
    "google.pubsub.v1.Publisher.UpdateTopic",
    "pubsub_topic",
    "projects/P/topics/orders",
    1,
  ],
  [
    "PUT",
    "/v1/projects/P/subscriptions/all",
    { topic: "projects/P/topics/orders" },
    "google.pubsub.v1.Subscriber.CreateSubscription",
    "pubsub_subscription",
    "projects/P/subscriptions/all",
    1,
  ],
  [
    "POST",
    "/v1/projects/P/subscriptions/all:modifyPushConfig",
    { pushConfig: {} },
    "google.pubsub.v1.Subscriber.ModifyPushConfig",
    "pubsub_subscription",
    "projects/P/subscriptions/all",
    1,
  ],
  [
    "POST",
    "/v1/projects/P/topics/orders:setIamPolicy",
    { policy: {} },
    "google.iam.v1.IAMPolicy.SetIamPolicy",
    "pubsub_topic",
    "projects/P/topics/orders",
    1,
  ],
  [
    "POST",
    "/v1/projects/P/topics/orders:publish",
    { messages: [{ data: "aGk=" }] },
    "google.pubsub.v1.Publisher.Publish",
    "",
    "",
    0,
  ],
  [
    "POST",
    "/v1/projects/P/secrets?secretId=key",
    { replication: { automatic: {} } },
    "google.cloud.secretmanager.v1.SecretManagerService.CreateSecret",
    "audited_resource",
    "projects/N/secrets/key",
    1,
  ],
  [
    "POST",
    "/v1/projects/P/secrets/key:addVersion",
    { payload: { data: "c2VjcmV0IHdvcmQ=" } },
    "google.cloud.secretmanager.v1.SecretManagerService.AddSecretVersion",
    "audited_resource",
    "projects/N/secrets/key",
    1,
  ],
  [
    "GET",
    "/v1/projects/P/secrets/key/versions/1:access",
    undefined,
    "google.cloud.secretmanager.v1.SecretManagerService.AccessSecretVersion",
    "",
    "",
    0,
  ],
  [
    "POST",
    "/v1/projects/P/secrets/key/versions/1:disable",
    {},
    "google.cloud.secretmanager.v1.SecretManagerService.DisableSecretVersion",
    "audited_resource",
    "projects/N/secrets/key/versions/1",
    1,
  ],
  [
    "POST",
    "/storage/v1/b?project=P",
    { name: "ledger-1" },
    "storage.buckets.create",
    "gcs_bucket",
    "projects/_/buckets/ledger-1",
    1,
  ],
  [
    "PATCH",
    "/storage/v1/b/ledger-1",
    { labels: { a: "b" } },
    "storage.buckets.update",
    "gcs_bucket",
    "projects/_/buckets/ledger-1",
    1,
  ],
  ["POST", "/upload/storage/v1/b/ledger-1/o?uploadType=media&name=x", {}, "storage.objects.create", "", "", 0],
  [
    "PUT",
    "/storage/v1/b/ledger-1/iam",
    { bindings: [] },
    "storage.setIamPermissions",
    "gcs_bucket",
    "projects/_/buckets/ledger-1",
    1,
  ],
  [
    "POST",
    "/v2/projects/P/sinks",
    { name: "out", destination: "pubsub.googleapis.com/projects/P/topics/orders" },
    "google.logging.v2.ConfigServiceV2.CreateSink",
    "logging_sink",
    "projects/P/sinks/out",
    1,
  ],
  [
    "DELETE",
    "/v2/projects/P/sinks/out",
    undefined,
    "google.logging.v2.ConfigServiceV2.DeleteSink",
    "logging_sink",
    "projects/P/sinks/out",
    1,
  ],
  [
    "POST",
    "/v1/projects/P/locations/us-central1/jobs",
    {
      name: "projects/P/locations/us-central1/jobs/tick",
      schedule: "* * * * *",
      pubsubTarget: { topicName: "projects/P/topics/orders", data: "aGk=" },
    },
    "google.cloud.scheduler.v1.CloudScheduler.CreateJob",
    "cloud_scheduler_job",
    "projects/P/locations/us-central1/jobs/tick",
    1,
  ],
  [
    "POST",
    "/v1/projects/P/locations/us-central1/jobs/tick:pause",
    {},
    "google.cloud.scheduler.v1.CloudScheduler.PauseJob",
    "cloud_scheduler_job",
    "projects/P/locations/us-central1/jobs/tick",
    1,
  ],
  [
    "DELETE",
    "/v1/projects/P/topics/orders",
    undefined,
    "google.pubsub.v1.Publisher.DeleteTopic",
    "pubsub_topic",
    "projects/P/topics/orders",
    1,
  ],
];

describe("admin activity", () => {
  test("stands in the log as each service writes it, and data access does not", async () => {
    const real = (text: string) =>
      text.replaceAll("projects/P", `projects/${emulator.project}`).replace("project=P", `project=${emulator.project}`);
    for (const [method, path, body, name, resource, about, count] of WRITES) {
      const before = (await entries(`protoPayload.methodName="${name}" AND severity=NOTICE`)).length;
      const answer = await call(method, real(path), body && JSON.parse(real(JSON.stringify(body))));
      expect([path, answer.status]).toEqual([path, 200]);
      const written = (await entries(`protoPayload.methodName="${name}" AND severity=NOTICE`)).slice(before);
      expect([name, written.length]).toEqual([name, count]);
      if (count === 0) continue;
      const project = name.includes("secretmanager") ? emulator.projectNumber : emulator.project;
      expect(written[0]).toMatchObject({
        severity: "NOTICE",
        resource: { type: resource, labels: { project_id: emulator.project } },
        protoPayload: {
          status: {},
          resourceName: about
            .replace("projects/P", `projects/${emulator.project}`)
            .replace("projects/N", `projects/${project}`),
          requestMetadata: { callerIp: "127.0.0.1", callerSuppliedUserAgent: "audit-test/1" },
          authorizationInfo: [{ granted: true, permissionType: "ADMIN_WRITE" }],
        },
      });
      expect(written[0]).not.toHaveProperty("operation");
    }
  });

  test("never holds a secret", async () => {
    const text = JSON.stringify(await entries());
    expect(text).toContain("AddSecretVersion");
    for (const word of ["c2VjcmV0IHdvcmQ=", "secret word"]) expect(text).not.toContain(word);
  });

  test("is written over gRPC too, refusals included, without the payload", async () => {
    const [servicePath = "", port] = emulator.grpc.split(":");
    const { credentials } = await import("@grpc/grpc-js");
    const client = new SecretManagerServiceClient({
      servicePath,
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    });
    const parent = `projects/${emulator.project}`;
    const create = () =>
      client.createSecret({ parent, secretId: "over-grpc", secret: { replication: { automatic: {} } } });
    await create();
    await expect(create()).rejects.toThrow(/ALREADY_EXISTS/);
    await client.addSecretVersion({
      parent: `${parent}/secrets/over-grpc`,
      payload: { data: Buffer.from("hush-hush") },
    });
    await client.close();
    const about = `protoPayload.resourceName="projects/${emulator.projectNumber}/secrets/over-grpc"`;
    const written = await entries(about);
    expect(
      written.map(({ severity, protoPayload }) => [
        severity,
        protoPayload?.methodName.split(".").at(-1),
        protoPayload?.status,
      ]),
    ).toEqual([
      ["NOTICE", "CreateSecret", {}],
      ["ERROR", "CreateSecret", { code: 6, message: expect.any(String) }],
      ["NOTICE", "AddSecretVersion", {}],
    ]);
    expect(JSON.stringify(written)).not.toContain("hush");
    expect(JSON.stringify(written)).not.toContain(Buffer.from("hush-hush").toString("base64"));
  });

  test("of a trigger, which takes its time, are two entries of one operation", async () => {
    const parent = `/v1/projects/${emulator.project}/locations/us-central1/triggers`;
    await call("PUT", `/v1/projects/${emulator.project}/topics/rings`, {});
    const made = await call("POST", `${parent}?triggerId=bell`, {
      eventFilters: [{ attribute: "type", value: "google.cloud.pubsub.topic.v1.messagePublished" }],
      transport: { pubsub: { topic: `projects/${emulator.project}/topics/rings` } },
      destination: { httpEndpoint: { uri: "http://127.0.0.1:9/" } },
    });
    expect([made.status, made.text]).toEqual([200, expect.any(String)]);
    const about = 'protoPayload.methodName="google.cloud.eventarc.v1.Eventarc.CreateTrigger" AND severity=NOTICE';
    const written = await vi.waitFor(async () => {
      const found = await entries(about);
      expect(found).toHaveLength(2);
      return found;
    });
    expect(written.map(({ operation }) => [operation?.first, operation?.last])).toEqual([
      [true, undefined],
      [undefined, true],
    ]);
    expect(new Set(written.map(({ operation }) => operation?.id)).size).toBe(1);
  });
});
