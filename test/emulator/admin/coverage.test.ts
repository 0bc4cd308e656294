import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Checked, clientOf, coveragePage, type Served } from "../../../emulator/admin/coverage.ts";
import { openPlace, type Place } from "../faults/place.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const checked = JSON.parse(read("test/emulator/checked.json")) as Checked;

let place: Place;
let methods: Served[];
beforeAll(async () => {
  place = await openPlace();
  methods = (await place.ask<{ methods: Served[] }>("GET", "/emulator/methods")).methods;
});
afterAll(() => place.emulator.close());

describe("docs/emulator-coverage.md", () => {
  it("is what the route table says now (npm run coverage writes it anew)", () => {
    expect(read("docs/emulator-coverage.md")).toBe(coveragePage(methods, checked));
  });

  it("names no client for a method that is not served (npm run coverage -- --record notes them anew)", () => {
    const served = new Set([...methods.map(({ id }) => id), "pubsub.projects.subscriptions.streamingPull"]);
    expect(Object.keys(checked).filter((method) => !served.has(method))).toEqual([]);
  });

  it("what is absent is answered 501 with its name", async () => {
    const answer = await place.send("GET", "/compute/v1/projects/moult-local/zones/us-central1-a/snapshots");
    expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining("compute.snapshots.list")]);
  });
});

describe("a client is known by what it says of itself", () => {
  it.each([
    ["storage.buckets.get", "gcloud-node-storage/8.4.0 gl-node/24 gccl/8.4.0", "@google-cloud/storage"],
    ["storage.buckets.get", "google-cloud-sdk gcloud/528.0.0 command/gcloud.storage.cp", "gcloud"],
    [
      "pubsub.projects.topics.publish",
      "grpc-node-js/1.14.7 gl-node/24.1 gccl/6.3.0 gapic/6.3.0",
      "@google-cloud/pubsub",
    ],
    ["storage.buckets.get", "node", undefined],
  ])("%s by %s", (method, agent, client) => {
    expect(clientOf(method, agent)).toBe(client);
  });
});
