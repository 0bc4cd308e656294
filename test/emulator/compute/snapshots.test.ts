import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Bed, GLOBAL, group, type Json, members, startBed, ZONAL } from "./bed.ts";
import { type Gcloud, installed, openGcloud } from "./gcloud.ts";

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

const disk = async (name: string, more: Json = {}) => {
  await bed.post(`${ZONAL}/disks`, { name, sizeGb: "20", ...more });
  await bed.clock.advance(200);
  return bed.get<Json>(`${ZONAL}/disks/${name}`);
};
const snapshot = async (name: string, more: Json = {}) => {
  await bed.post(`${GLOBAL}/snapshots`, { name, sourceDisk: "zones/us-central1-a/disks/ledger", ...more });
  await bed.clock.advance(200);
  return bed.get<Json>(`${GLOBAL}/snapshots/${name}`);
};

test("a snapshot says what it was made of, and outlives it", async () => {
  const { id } = await disk("ledger");
  await bed.post(`${ZONAL}/disks/ledger/createSnapshot`, { name: "monday", labels: { day: "1" }, description: "d" });
  expect(await bed.get(`${GLOBAL}/snapshots/monday`)).toMatchObject({ status: "CREATING" });
  await bed.clock.advance(200);
  await bed.call("DELETE", `${ZONAL}/disks/ledger`);
  expect(await bed.get(`${GLOBAL}/snapshots/monday`)).toMatchObject({
    kind: "compute#snapshot",
    status: "READY",
    sourceDiskId: id,
    sourceDisk: `${bed.url}${ZONAL}/disks/ledger`,
    diskSizeGb: "20",
    labels: { day: "1" },
    description: "d",
    storageLocations: ["us"],
  });
  const { items } = await bed.get<{ items: Json[] }>(`${GLOBAL}/snapshots?filter=name%3Dmonday`);
  expect(items).toHaveLength(1);
});

test("a disk is made of a snapshot, not smaller than it", async () => {
  await disk("ledger");
  const { id } = await snapshot("monday");
  const made = await disk("copy", { sizeGb: "30", sourceSnapshot: "global/snapshots/monday" });
  expect(made).toMatchObject({ sizeGb: "30", sourceSnapshotId: id });
  const small = { name: "small", sizeGb: "10", sourceSnapshot: "global/snapshots/monday" };
  expect(await bed.call("POST", `${ZONAL}/disks`, small)).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringMatching(/cannot be smaller than the snapshot size \(20 GB\)/) } },
  });
});

test("a machine's boot disk can be a snapshot's source", async () => {
  await group(bed, 1);
  const [machine] = await members(bed);
  expect(await snapshot("boot", { sourceDisk: `zones/us-central1-a/disks/${machine?.name}` })).toMatchObject({
    status: "READY",
    diskSizeGb: "10",
  });
});

test("labels change under a fingerprint, and deleted is gone", async () => {
  await disk("ledger");
  const { labelFingerprint } = await snapshot("monday");
  await bed.post(`${GLOBAL}/snapshots/monday/setLabels`, { labels: { a: "b" }, labelFingerprint });
  expect(await bed.get(`${GLOBAL}/snapshots/monday`)).toMatchObject({ labels: { a: "b" } });
  await bed.call("DELETE", `${GLOBAL}/snapshots/monday`);
  expect((await bed.call("GET", `${GLOBAL}/snapshots/monday`)).status).toBe(404);
});

test("snapshots outlive the emulator", async () => {
  await disk("ledger");
  await snapshot("monday");
  const state = bed.save();
  await bed.close();
  bed = await startBed({ state });
  expect(await bed.get(`${GLOBAL}/snapshots/monday`)).toMatchObject({ status: "READY" });
});

const REFUSED: [string, Json, number, RegExp][] = [
  ["of a disk that is not there", { name: "x", sourceDisk: "zones/us-central1-a/disks/none" }, 404, /was not found/],
  ["without a disk", { name: "x" }, 400, /Required field 'resource.sourceDisk'/],
  [
    "of a name that is taken",
    { name: "monday", sourceDisk: "zones/us-central1-a/disks/ledger" },
    409,
    /already exists/,
  ],
  ["with a chain", { name: "x", chainName: "c", sourceDisk: "zones/us-central1-a/disks/ledger" }, 501, /chainName/],
];
test.each(REFUSED)("there is no snapshot %s", async (_what, body, status, message) => {
  await disk("ledger");
  await snapshot("monday");
  const reply = await bed.call<{ error: { message: string } }>("POST", `${GLOBAL}/snapshots`, body);
  expect([reply.status, reply.body.error.message]).toEqual([status, expect.stringMatching(message)]);
});

describe.skipIf(!installed)("gcloud", () => {
  let cloud: Gcloud;
  beforeAll(async () => {
    cloud = await openGcloud();
  });
  afterAll(() => cloud.close());

  test("takes snapshots, lists them and makes disks of them", { timeout: 120_000 }, async () => {
    const zone = "--zone=us-central1-a";
    await cloud.run(`compute disks create ledger --size=20GB ${zone}`);
    await cloud.run(`compute disks snapshot ledger --snapshot-names=monday ${zone}`);
    await cloud.run(`compute snapshots create tuesday --source-disk=ledger --source-disk-zone=us-central1-a`);
    const listed = await cloud.run<{ name: string }[]>("compute snapshots list");
    expect(listed.map(({ name }) => name).sort()).toEqual(["monday", "tuesday"]);
    await cloud.run(`compute disks create copy --source-snapshot=monday ${zone}`);
    expect(await cloud.run(`compute disks describe copy ${zone}`)).toMatchObject({ sizeGb: "20" });
    await cloud.run("compute snapshots delete monday tuesday");
    expect(await cloud.run("compute snapshots list")).toEqual([]);
  });
});
