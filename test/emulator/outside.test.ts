import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import { v1 } from "@google-cloud/pubsub";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../emulator/index.ts";

/** What clients in other languages than Node ask (docs/emulator-suites.md), in plain HTTP. */
let emulator: Emulator;
let subscriber: InstanceType<typeof v1.SubscriberClient>;

beforeAll(async () => {
  emulator = await startEmulator({ instances: "virtual", clock: "manual", project: "acme" });
  const [servicePath = "", port] = emulator.grpc.split(":");
  subscriber = new v1.SubscriberClient({
    servicePath,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    projectId: "acme",
  });
  await call("POST", "/storage/v1/b?project=acme", { name: "bucket" });
});
afterAll(async () => {
  await subscriber.close();
  await emulator.close();
});

interface Reply {
  status: number;
  headers: Headers;
  text: string;
  body: Record<string, unknown>;
}

async function call(method: string, path: string, body?: object | string, headers = {}): Promise<Reply> {
  const content = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const answer = await fetch(`${emulator.url}${path}`, { method, headers, ...content });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.includes("json");
  return { status: answer.status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : {} };
}

const insert = (name: string, text: string, query = "", headers = {}) =>
  call("POST", `/upload/storage/v1/b/bucket/o?uploadType=media&name=${name}${query}`, text, headers);

describe("an upload in pieces, as Go's clients send it", () => {
  test.each([
    ["goes on after a 308", {}, 308, null],
    ["goes on after a 200 that says it is a 308", { "x-guploader-no-308": "yes" }, 200, "308"],
  ])("%s", async (_, headers, status, override) => {
    const begun = await call("POST", "/upload/storage/v1/b/bucket/o?uploadType=resumable&name=pieces", {});
    const session = new URL(begun.headers.get("location") ?? "");
    const path = session.pathname + session.search;
    const half = "a".repeat(256 * 1024);
    const range = { "content-range": `bytes 0-${half.length - 1}/*`, ...headers };
    const first = await call("PUT", path, half, range);
    expect(first.status).toBe(status);
    expect(first.headers.get("x-http-status-code-override")).toBe(override);
    expect(first.headers.get("range")).toBe(`bytes=0-${half.length - 1}`);
    const last = { "content-range": `bytes ${half.length}-${half.length}/${half.length + 1}`, ...headers };
    const whole = await call("PUT", path, "b", last);
    expect([whole.status, whole.body.size]).toEqual([200, String(half.length + 1)]);
    expect(whole.headers.get("x-http-status-code-override")).toBeNull();
  });
});

test("over XML each checksum of a download has a header of its own", async () => {
  await insert("sums", "text");
  const lines = await new Promise<string[]>((resolve, reject) => {
    request(`${emulator.url}/bucket/sums`, { headers: { authorization: "Bearer x" } }, (answer) => {
      answer.resume();
      resolve(answer.rawHeaders.filter((_, i) => answer.rawHeaders[i - 1]?.toLowerCase() === "x-goog-hash"));
    })
      .once("error", reject)
      .end();
  });
  expect(lines).toEqual([
    expect.stringMatching(/^crc32c=[^,]+$/),
    `md5=${createHash("md5").update("text").digest("base64")}`,
  ]);
});

describe("a path without an API", () => {
  test.each([
    ["an object of a bucket that is not there", "/no-such-bucket/dir/object.txt", 404, "NoSuchBucket"],
    ["a method that nobody serves", "/dns/v1/projects/acme/managedZones", 501, "not emulated"],
    ["a beta method that nobody serves", "/compute/beta/projects/acme/zones", 501, "not emulated"],
    ["something that cannot be a bucket", "/X/y", 501, "not emulated"],
  ])("%s", async (_, path, status, text) => {
    const answer = await call("GET", path);
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(text)]);
  });
});

test("with a customer-supplied key, a change of metadata shows the checksums, and with another it is refused", async () => {
  const headersOf = (key: Buffer) => ({
    "x-goog-encryption-algorithm": "AES256",
    "x-goog-encryption-key": key.toString("base64"),
    "x-goog-encryption-key-sha256": createHash("sha256").update(key).digest("base64"),
  });
  const key = headersOf(randomBytes(32));
  await insert("locked", "text", "", key);
  const change = (headers: object) => call("PATCH", "/storage/v1/b/bucket/o/locked", { metadata: { a: "b" } }, headers);
  expect((await change({})).body).not.toHaveProperty("crc32c");
  expect((await change(key)).body).toMatchObject({ crc32c: expect.any(String), md5Hash: expect.any(String) });
  expect((await change(headersOf(randomBytes(32)))).status).toBe(400);
});

test.each([
  ["names its bucket and nothing else is refused", { bucket: "bucket" }, 400],
  ["names no bucket may leave anything out", { metadata: { a: "b" } }, 200],
  ["is whole is taken", { bucket: "bucket", name: "copy", contentType: "text/plain" }, 200],
])("a copy whose metadata %s", async (_, body, status) => {
  await insert("original", "text");
  const answer = await call("POST", "/storage/v1/b/bucket/o/original/rewriteTo/b/bucket/o/copy", body);
  expect(answer.status).toBe(status);
});

test("what is composed has the type that was asked for, not that of its parts, and shows its access list", async () => {
  await insert("part", "text", "", { "content-type": "text/plain" });
  const { body } = await call("POST", "/storage/v1/b/bucket/o/whole/compose", { sourceObjects: [{ name: "part" }] });
  expect(body).toMatchObject({ contentType: "application/octet-stream", acl: expect.any(Array) });
});

describe("a predefined access list", () => {
  const grants = ({ body }: Reply, field = "acl") =>
    (body[field] as { entity: string; role: string }[]).map(({ entity, role }) => [entity.replace(/-.*/, ""), role]);

  test.each([
    ["private", [["user", "OWNER"]]],
    [
      "publicRead",
      [
        ["user", "OWNER"],
        ["allUsers", "READER"],
      ],
    ],
    [
      "bucketOwnerRead",
      [
        ["user", "OWNER"],
        ["project", "READER"],
      ],
    ],
  ])("%s of an object begins with who made it", async (name, list) => {
    expect(grants(await insert("listed", "text", `&predefinedAcl=${name}&projection=full`))).toEqual(list);
  });

  test("of a bucket begins with the project's owners, and that of its defaults with nobody", async () => {
    const query = "project=acme&predefinedAcl=publicRead&predefinedDefaultObjectAcl=publicRead&projection=full";
    const made = await call("POST", `/storage/v1/b?${query}`, { name: "lists" });
    expect(grants(made)).toEqual([
      ["project", "OWNER"],
      ["allUsers", "READER"],
    ]);
    expect(grants(made, "defaultObjectAcl")).toEqual([["allUsers", "READER"]]);
  });
});

test.each(["/token", "/oauth2/v4/token", "/o/oauth2/token"])("%s gives out access tokens", async (path) => {
  const form = "grant_type=refresh_token&refresh_token=x&client_id=y";
  const answer = await call("POST", path, form, { "content-type": "application/x-www-form-urlencoded" });
  expect(answer.body).toMatchObject({ token_type: "Bearer", access_token: expect.any(String) });
});

test("links are https where a proxy says that the caller speaks TLS", async () => {
  const path = "/compute/v1/projects/acme/zones/us-central1-a";
  expect((await call("GET", path)).body.selfLink).toMatch(/^http:/);
  expect((await call("GET", path, undefined, { "x-forwarded-proto": "https" })).body.selfLink).toMatch(/^https:/);
});

describe("Pub/Sub", () => {
  const topic = "projects/acme/topics/orders";
  beforeAll(async () => {
    await call("PUT", `/v1/${topic}`, {});
  });

  test("a topic's messages may lie in every region unless it says which; in none they may not", async () => {
    const everywhere = { allowedPersistenceRegions: ["europe-west4", "us-central1"] };
    expect((await call("GET", `/v1/${topic}`)).body.messageStoragePolicy).toEqual(everywhere);
    const set = (messageStoragePolicy?: object) =>
      call("PATCH", `/v1/${topic}`, { topic: { messageStoragePolicy }, updateMask: "messageStoragePolicy" });
    const one = { allowedPersistenceRegions: ["us-east1"] };
    expect((await set(one)).body.messageStoragePolicy).toEqual(one);
    expect((await set({ allowedPersistenceRegions: [] })).status).toBe(400);
    expect((await set()).body.messageStoragePolicy).toEqual(everywhere);
  });

  test("gRPC callers may leave the names of subscriptions and snapshots to the server", async () => {
    const [subscription] = await subscriber.createSubscription({ topic });
    expect(subscription.name).toMatch(/^projects\/acme\/subscriptions\/\w/);
    const [snapshot] = await subscriber.createSnapshot({ subscription: subscription.name ?? "" });
    expect(snapshot.name).toMatch(/^projects\/acme\/snapshots\/\w/);
    expect(snapshot.topic).toBe(topic);
  });

  test("the answer to an update of a subscription names the version that deliveries follow; a read does not", async () => {
    const path = "/v1/projects/acme/subscriptions/versioned";
    await call("PUT", path, { topic });
    const updated = await call("PATCH", path, {
      subscription: { ackDeadlineSeconds: 20 },
      updateMask: "ackDeadlineSeconds",
    });
    expect(updated.body.pushConfig).toEqual({ attributes: { "x-goog-version": "v1" } });
    expect((await call("GET", path)).body.pushConfig).toEqual({});
  });
});

test("a sink whose topic refuses what it exports breaks no call", async () => {
  const destination = "pubsub.googleapis.com/projects/acme/topics/x";
  await call("POST", "/v2/projects/acme/sinks", { name: "broken", destination });
  const made = await call("POST", "/compute/v1/projects/acme/global/healthChecks", { name: "hc", type: "TCP" });
  expect(made.status).toBe(200);
  await call("DELETE", "/v2/projects/acme/sinks/broken");
});
