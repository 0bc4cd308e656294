import { Storage } from "@google-cloud/storage";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

/** Google's convention, by Google's client: https://github.com/googleapis/storage-testbench#retry-test-api */

interface RetryTest {
  id: string;
  completed: boolean;
  instructions: Record<string, string[]>;
  transport: string;
}

const KIB = 1024;
let emulator: Emulator;
/** Ends in a slash, as the client's own conformance tests have it. */
let host: string;
let storage: Storage;

beforeAll(async () => {
  emulator = await startEmulator({ instances: "virtual" });
  host = `${emulator.url}/`;
  process.env.STORAGE_EMULATOR_HOST = host;
  await new Storage({ projectId: "my-project-id" }).createBucket("bucket");
});
afterAll(async () => {
  delete process.env.STORAGE_EMULATOR_HOST;
  await emulator.close();
});

beforeEach(() => {
  storage = new Storage({
    projectId: "my-project-id",
    apiEndpoint: host,
    retryOptions: { retryDelayMultiplier: 0.01, maxRetries: 5 },
  });
});
afterEach(() => {
  storage.interceptors.length = 0;
});

async function retryTest(method: string, ...instructions: string[]): Promise<RetryTest> {
  const response = await fetch(`${host}retry_test`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ instructions: { [method]: instructions } }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as RetryTest;
}

const look = async (id: string) => (await (await fetch(`${host}retry_test/${id}`)).json()) as RetryTest;

/** Every call of the client carries the test's id, wherever it goes. */
function carry(id: string): void {
  storage.interceptors.push({
    request: (options) => Object.assign(options, { headers: { ...options.headers, "x-retry-test-id": id } }) as never,
  });
}

describe("calls of Google's client", () => {
  const bytes = Buffer.alloc(700 * KIB, "moult ");
  const rows: [string, string, string[], () => Promise<unknown>, unknown][] = [
    [
      "a list of buckets",
      "storage.buckets.list",
      ["return-503"],
      async () => (await storage.getBuckets())[0].length,
      1,
    ],
    [
      "a get",
      "storage.buckets.get",
      ["return-503", "return-reset-connection"],
      async () => (await storage.bucket("bucket").getMetadata())[0].name,
      "bucket",
    ],
    [
      "metadata that breaks off",
      "storage.objects.get",
      ["return-broken-stream"],
      async () => (await storage.bucket("bucket").file("kept").getMetadata())[0].size,
      String(bytes.length),
    ],
    [
      "an insert that is conditional",
      "storage.objects.insert",
      ["return-503", "return-429"],
      () =>
        storage
          .bucket("bucket")
          .file("small")
          .save("x", { resumable: false, preconditionOpts: { ifGenerationMatch: 0 } }),
      undefined,
    ],
  ];
  beforeAll(() => new Storage({ projectId: "p" }).bucket("bucket").file("kept").save(bytes, { resumable: false }));

  it.each(rows)("get through: %s", async (_sentence, method, instructions, call, wanted) => {
    const { id, completed } = await retryTest(method, ...instructions);
    expect(completed).toBe(false);
    carry(id);
    expect(await call()).toEqual(wanted);
    expect(await look(id)).toMatchObject({ completed: true, instructions: { [method]: [] } });
  });

  it("fail when the error is not one to try again after", async () => {
    const { id } = await retryTest("storage.buckets.get", "return-401");
    carry(id);
    await expect(storage.bucket("bucket").getMetadata()).rejects.toMatchObject({ code: 401 });
    expect((await look(id)).completed).toBe(true);
  });
});

describe("what goes over the wire", () => {
  const send = (path: string, more: RequestInit & { id?: string; headers?: Record<string, string> } = {}) =>
    fetch(`${emulator.url}${path}`, {
      ...more,
      headers: { ...(more.id && { "x-retry-test-id": more.id }), ...more.headers },
    });
  const media = "/storage/v1/b/bucket/o/kept?alt=media";

  it("return-503-after-256K keeps what a resumable upload has so far", async () => {
    const { id } = await retryTest("storage.objects.insert", "return-503-after-256K");
    const begun = await send("/upload/storage/v1/b/bucket/o?uploadType=resumable&name=pieces", { method: "POST", id });
    const session = new URL(begun.headers.get("location") ?? "");
    const path = session.pathname + session.search;
    const whole = Buffer.alloc(600 * KIB, "x");
    const range = (from: number) => ({ "content-range": `bytes ${from}-${whole.length - 1}/${whole.length}` });
    expect((await send(path, { method: "PUT", id, body: whole, headers: range(0) })).status).toBe(503);
    const asked = await send(path, { method: "PUT", id, headers: { "content-range": `bytes */${whole.length}` } });
    expect([asked.status, asked.headers.get("range")]).toEqual([308, `bytes=0-${256 * KIB - 1}`]);
    const rest = await send(path, { method: "PUT", id, body: whole.subarray(256 * KIB), headers: range(256 * KIB) });
    expect(await rest.json()).toMatchObject({ size: String(whole.length) });
  });

  it("return-503-after-256K loses an upload in one request, and spares a small one", async () => {
    const { id } = await retryTest("storage.objects.insert", "return-503-after-256K");
    const upload = (name: string, size: number) =>
      send(`/upload/storage/v1/b/bucket/o?uploadType=media&name=${name}`, {
        method: "POST",
        id,
        body: Buffer.alloc(size, "x"),
      });
    expect((await upload("tiny", 10)).status).toBe(200);
    expect((await upload("large", 300 * KIB)).status).toBe(503);
    expect((await send("/storage/v1/b/bucket/o/large")).status).toBe(404);
  });

  it("return-broken-stream-after-256K sends so much of a download and breaks off", async () => {
    const { id } = await retryTest("storage.objects.get", "return-broken-stream-after-256K");
    const broken = await send(media, { id });
    expect(broken.headers.get("content-length")).toBe(String(700 * KIB));
    let got = 0;
    const read = async () => {
      for await (const chunk of broken.body ?? []) got += chunk.length;
    };
    await expect(read()).rejects.toThrow();
    expect(got).toBe(256 * KIB);
    expect((await (await send(media, { id })).arrayBuffer()).byteLength).toBe(700 * KIB);
  });

  it("return-broken-stream-final-chunk-after-5B stores what came and breaks its answer off", async () => {
    const { id } = await retryTest("storage.objects.insert", "return-broken-stream-final-chunk-after-5B");
    const begun = await send("/upload/storage/v1/b/bucket/o?uploadType=resumable&name=final", { method: "POST", id });
    const session = new URL(begun.headers.get("location") ?? "");
    const answer = await send(session.pathname + session.search, { method: "PUT", id, body: "all" });
    await expect(answer.text()).rejects.toThrow();
    expect((await send("/storage/v1/b/bucket/o/final")).status).toBe(200);
  });

  it("stall-for-1s-after-128K pauses in the middle", async () => {
    const { id } = await retryTest("storage.objects.get", "stall-for-1s-after-128K");
    const started = performance.now();
    expect((await (await send(media, { id })).arrayBuffer()).byteLength).toBe(700 * KIB);
    expect(performance.now() - started).toBeGreaterThan(950);
  });

  it.each([
    ["return-503-after-256K/retry-1", 503],
    ["return-503-after-256K/retry-3", 200],
  ])("an instruction of the call itself: %s", async (instruction, status) => {
    const answer = await send("/upload/storage/v1/b/bucket/o?uploadType=media&name=own", {
      method: "POST",
      body: Buffer.alloc(300 * KIB, "x"),
      headers: { "x-goog-emulator-instructions": instruction },
    });
    expect(answer.status).toBe(status);
  });

  it("return-corrupted-data spoils a download", async () => {
    const answer = await send(media, { headers: { "x-goog-emulator-instructions": "return-corrupted-data" } });
    expect((await answer.text()).slice(0, 6)).toBe("Aoult ");
  });

  it("names methods as the testbench does", async () => {
    const { id } = await retryTest("storage.bucket_acl.list", "return-503");
    expect((await send("/storage/v1/b/bucket/acl", { id })).status).toBe(503);
    expect((await look(id)).completed).toBe(true);
  });

  it.each([
    ["an unknown failure", { "storage.buckets.get": ["explode"] }, undefined, 400],
    ["an unknown method", { "storage.buckets.melt": ["return-503"] }, undefined, 400],
    ["gRPC, which Storage is not served over", { "storage.buckets.get": ["return-503"] }, "GRPC", 501],
    ["a redirection, which is for gRPC", { "storage.buckets.get": ["redirect-send-token-t"] }, undefined, 501],
  ])("refuses %s", async (_sentence, instructions, transport, status) => {
    const answer = await fetch(`${host}retry_test`, {
      method: "POST",
      body: JSON.stringify({ instructions, transport }),
    });
    expect(answer.status).toBe(status);
  });

  it("forgets a test that was deleted", async () => {
    const { id } = await retryTest("storage.buckets.get", "return-503");
    expect((await fetch(`${host}retry_test/${id}`, { method: "DELETE" })).status).toBe(200);
    expect((await fetch(`${host}retry_test/${id}`)).status).toBe(404);
    expect((await send("/storage/v1/b/bucket", { id })).status).toBe(404);
  });
});
