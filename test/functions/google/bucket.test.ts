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
  bucket = makeBucket("acme-state", storage);
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
    expect(
      await makeBucket("no-such-bucket", new Storage({ apiEndpoint: emulator.url, projectId: "p" })).read("x"),
    ).toBeUndefined();
  });

  it("lists folders however much is in them", async () => {
    for (let i = 0; i < 5; i++) await bucket.write(`fleets/api/history/${i}.json`, "{}", "0");
    expect(await bucket.folders("fleets/")).toEqual(["api", "web"]);
    expect(await bucket.folders("commands/")).toEqual([]);
  });
});
