import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { type Bucket, makeBucket } from "../../../functions/google/bucket.ts";

let emulator: Emulator;
let bucket: Bucket;
const calls: string[] = [];

beforeAll(async () => {
  emulator = await startEmulator({
    instances: "virtual",
    project: "acme-prod",
    onAnswered: ({ id }) => {
      if (id.startsWith("storage.objects")) calls.push(id);
    },
  });
  const storage = new Storage({ apiEndpoint: emulator.url, projectId: "acme-prod" });
  await storage.createBucket("acme-state");
  bucket = makeBucket("acme-state", emulator.url);
});
afterAll(() => emulator.close());

describe("a bucket", () => {
  it("is read in one call that says the generation, which the next write must carry", async () => {
    const first = await bucket.write("fleets/web/record.json", "{}", "0");
    calls.length = 0;
    const read = await bucket.read("fleets/web/record.json");
    expect(calls).toEqual(["storage.objects.get"]);
    expect(read).toEqual({ text: "{}", generation: first, created: expect.stringMatching(/^\d{4}-.*Z$/) });
    const second = await bucket.write("fleets/web/record.json", "é😀", first);
    expect(await bucket.read("fleets/web/record.json")).toMatchObject({ text: "é😀", generation: second });
    await expect(bucket.write("fleets/web/record.json", "{}", first)).rejects.toMatchObject({ kind: "conflict" });
  });

  it("holds nothing under a name nobody wrote, and says so in one call", async () => {
    calls.length = 0;
    expect(await bucket.read("nothing")).toBeUndefined();
    expect(calls).toEqual(["storage.objects.get"]);
    expect(await makeBucket("no-such-bucket", emulator.url).read("x")).toBeUndefined();
  });

  it.each([
    ["before it is read", "before"],
    ["when it was read", "after"],
  ])("is read again when the bucket is busy %s, and a bucket that stays busy is said, not died of", async (_, when) => {
    await bucket.write(`busy/${when}.json`, "{}", "0");
    const fault = async (count: number) => {
      const rule = { match: { method: "storage.objects.get" }, do: { fail: { status: 503 } }, when, times: count };
      const { status } = await fetch(`${emulator.url}/emulator/faults`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(rule),
      });
      expect(status).toBe(200);
    };
    await fault(2);
    expect(await bucket.read(`busy/${when}.json`)).toMatchObject({ text: "{}" });
    await fault(5);
    await expect(bucket.read(`busy/${when}.json`)).rejects.toMatchObject({ kind: "unavailable", status: 503 });
  });

  it("lists folders however much is in them", async () => {
    for (let i = 0; i < 5; i++) await bucket.write(`fleets/api/history/${i}.json`, "{}", "0");
    expect(await bucket.folders("fleets/")).toEqual(["api", "web"]);
    expect(await bucket.folders("commands/")).toEqual([]);
  });
});
