import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPlace, type Place } from "./place.ts";

/** What Google's system test of its Node client asks of buckets, in our words: one row, one thing a user relies on. */

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.close());

const UNIFORM = { iamConfiguration: { uniformBucketLevelAccess: { enabled: true } } };
const ENFORCED = { iamConfiguration: { publicAccessPrevention: "enforced" } };
const KMS = "projects/acme/locations/us/keyRings/ring/cryptoKeys/key";
const somebody = { entity: "user-a@example.com", role: "OWNER" };

const shown: [string, object, object][] = [
  [
    "autoclass ends in NEARLINE unless told otherwise",
    { autoclass: { enabled: true } },
    { autoclass: { enabled: true, terminalStorageClass: "NEARLINE", toggleTime: expect.any(String) } },
  ],
  [
    "autoclass may end in ARCHIVE",
    { autoclass: { enabled: true, terminalStorageClass: "ARCHIVE" } },
    { autoclass: { terminalStorageClass: "ARCHIVE", terminalStorageClassUpdateTime: expect.any(String) } },
  ],
  ["a storage class is taken in any case", { storageClass: "coldline" }, { storageClass: "COLDLINE" }],
  [
    "a retention period is shown as text",
    { retentionPolicy: { retentionPeriod: 10 } },
    { retentionPolicy: { retentionPeriod: "10", effectiveTime: expect.any(String) } },
  ],
  [
    "a hierarchical namespace comes with uniform access",
    { hierarchicalNamespace: { enabled: true }, ...UNIFORM },
    { hierarchicalNamespace: { enabled: true } },
  ],
  [
    "object retention is enabled at creation",
    { enableObjectRetention: true },
    { objectRetention: { mode: "Enabled" } },
  ],
  [
    "a default Cloud KMS key is kept",
    { encryption: { defaultKmsKeyName: KMS } },
    { encryption: { defaultKmsKeyName: KMS } },
  ],
  ["two places are a dual region", { location: "NAM4" }, { locationType: "dual-region", rpo: "DEFAULT" }],
  ["requesters may be made to pay", { requesterPays: true }, { billing: { requesterPays: true } }],
  ["public access is inherited unless prevented", {}, { iamConfiguration: { publicAccessPrevention: "inherited" } }],
];
test.each(shown)("%s", async (_sentence, settings, wanted) => {
  const bucket = await place.bucket(settings);
  expect((await bucket.getMetadata())[0]).toMatchObject(wanted);
});

const absent: [string, object, string][] = [
  ["a hierarchical namespace that is refused", { hierarchicalNamespace: { enabled: false } }, "hierarchicalNamespace"],
  ["versioning that nobody asked for", {}, "versioning"],
  ["no CORS rules", { cors: [] }, "cors"],
  ["no labels", { labels: {} }, "labels"],
];
test.each(absent)("%s is not shown at all", async (_sentence, settings, field) => {
  const [metadata] = await (await place.bucket(settings)).getMetadata();
  expect(metadata).not.toHaveProperty(field);
});

type Bucket = Awaited<ReturnType<Place["bucket"]>>;
const refused: [string, object, (bucket: Bucket) => Promise<unknown>, number][] = [
  [
    "a prevention of public access that there is not",
    {},
    (b) => b.setMetadata({ iamConfiguration: { publicAccessPrevention: "no" } }),
    400,
  ],
  ["a public bucket where that is prevented", ENFORCED, (b) => b.makePublic(), 412],
  [
    "a public default where that is prevented",
    ENFORCED,
    (b) => b.acl.default.add({ entity: "allUsers", role: "READER" }),
    412,
  ],
  ["a public object where that is prevented", ENFORCED, async (b) => (await place.file(b, "x")).makePublic(), 412],
  [
    "an object that is public from its upload, where that is prevented",
    ENFORCED,
    (b) => place.file(b, "x", "x", { public: true }),
    412,
  ],
  [
    "a public member of a policy where that is prevented",
    ENFORCED,
    (b) => b.iam.setPolicy({ bindings: [{ role: "roles/storage.objectViewer", members: ["allUsers"] }] }),
    412,
  ],
  ["lists where access is uniform", UNIFORM, (b) => b.acl.get(), 400],
  ["lists in a patch where access is uniform", UNIFORM, (b) => b.setMetadata({ acl: [somebody] } as never), 400],
  [
    "a hierarchical namespace for a bucket that has none",
    {},
    (b) => b.setMetadata({ hierarchicalNamespace: { enabled: true } }),
    400,
  ],
  ["a key name that is none", {}, (b) => b.setMetadata({ encryption: { defaultKmsKeyName: "key" } }), 400],
  [
    "an object's retention where the bucket has none",
    {},
    (b) =>
      place.file(b, "x", "x", { metadata: { retention: { mode: "Locked", retainUntilTime: "2999-01-01T00:00:00Z" } } }),
    400,
  ],
  [
    "a condition in a policy without uniform access",
    {},
    (b) => b.iam.setPolicy({ version: 3, bindings: [CONDITIONAL] }),
    412,
  ],
  [
    "a condition in a policy of version 1",
    UNIFORM,
    (b) => b.iam.setPolicy({ version: 1, bindings: [CONDITIONAL] }),
    400,
  ],
];
const CONDITIONAL = {
  role: "roles/storage.objectViewer",
  members: ["user:a@example.com"],
  condition: { title: "always", description: "", expression: "true" },
};
test.each(refused)("refuses %s", async (_sentence, settings, call, code) => {
  const bucket = await place.bucket(settings);
  await expect(call(bucket)).rejects.toMatchObject({ code });
});

test("a bucket without a hierarchical namespace by its access cannot have one", async () => {
  await expect(place.bucket({ hierarchicalNamespace: { enabled: true } })).rejects.toMatchObject({ code: 400 });
});

test("labels that are all removed leave none, and a label removed leaves the others", async () => {
  const bucket = await place.bucket();
  await bucket.setMetadata({ labels: { one: "1", two: "2" } });
  await bucket.setMetadata({ labels: { one: null } });
  expect((await bucket.getMetadata())[0].labels).toEqual({ two: "2" });
  await bucket.setMetadata({ labels: { two: null } });
  expect((await bucket.getMetadata())[0].labels).toBeUndefined();
});

test("autoclass that is turned off shows when", async () => {
  const bucket = await place.bucket({ autoclass: { enabled: true } });
  const [before] = await bucket.getMetadata();
  const [after] = await bucket.setMetadata({ autoclass: { enabled: false } });
  expect(after.autoclass).toMatchObject({ enabled: false });
  expect(String(after.autoclass?.toggleTime) > String(before.autoclass?.toggleTime)).toBe(true);
});

test("lists outlive uniform access, and an update adds who was not in one", async () => {
  const bucket = await place.bucket();
  const file = await place.file(bucket, "kept");
  for (const acl of [bucket.acl.default, file.acl]) await acl.update(somebody);
  const before = await Promise.all([bucket.acl.default.get(), file.acl.get()].map(async (one) => (await one)[0]));
  expect(before[0]).toContainEqual(somebody);
  await bucket.setMetadata(UNIFORM);
  await expect(file.acl.get()).rejects.toMatchObject({ code: 400 });
  await bucket.setMetadata({ iamConfiguration: { uniformBucketLevelAccess: { enabled: false } } });
  expect([(await bucket.acl.default.get())[0], (await file.acl.get())[0]]).toEqual(before);
});

test("uniform access and the prevention of public access leave each other alone", async () => {
  const bucket = await place.bucket(ENFORCED);
  await bucket.setMetadata(UNIFORM);
  expect((await bucket.getMetadata())[0].iamConfiguration).toMatchObject({
    ...ENFORCED.iamConfiguration,
    ...UNIFORM.iamConfiguration,
  });
});

test("a conditional policy is kept with its version", async () => {
  const bucket = await place.bucket(UNIFORM);
  const [policy] = await bucket.iam.getPolicy();
  policy.version = 3;
  policy.bindings.push(CONDITIONAL);
  await bucket.iam.setPolicy(policy);
  const [kept] = await bucket.iam.getPolicy({ requestedPolicyVersion: 3 });
  expect(kept).toMatchObject({ version: 3, bindings: policy.bindings });
});

test("a deleted bucket can be listed, looked at and restored with its soft-deleted objects", async () => {
  const bucket = await place.bucket();
  const file = await place.file(bucket, "was-here");
  const [{ generation }] = await bucket.getMetadata();
  await file.delete();
  await bucket.delete();
  expect((await bucket.exists())[0]).toBe(false);
  const [soft] = await place.storage.getBuckets({ softDeleted: true });
  expect(soft.map(({ name }) => name)).toContain(bucket.name);
  await bucket.restore({ generation: String(generation) });
  expect((await bucket.exists())[0]).toBe(true);
  expect((await bucket.getFiles({ softDeleted: true }))[0]).toHaveLength(1);
});

test("a channel that nobody opened is not found", async () => {
  await expect(place.storage.channel("id", "resource-id").stop()).rejects.toMatchObject({
    code: 404,
    message: expect.stringMatching(/^Channel 'id' not found/),
  });
});

describe("a bucket whose requesters pay", () => {
  test("asks callers of other projects who pays, and no others", async () => {
    const bucket = await place.bucket({ requesterPays: true });
    await place.file(bucket, "paid");
    const url = `${place.emulator.url}/storage/v1/b/${bucket.name}/o/paid`;
    const tokenOf = async (account: string) => {
      const made = await fetch(`${place.emulator.url}/v1/projects/-/serviceAccounts/${account}:generateAccessToken`, {
        method: "POST",
        body: JSON.stringify({ scope: ["https://www.googleapis.com/auth/cloud-platform"] }),
      });
      return ((await made.json()) as { accessToken: string }).accessToken;
    };
    const get = async (account: string, query = "") => {
      const authorization = `Bearer ${await tokenOf(account)}`;
      const answer = await fetch(url + query, { headers: { authorization } });
      return { status: answer.status, text: await answer.text() };
    };
    const stranger = "robot@another-project.iam.gserviceaccount.com";
    const refusal = await get(stranger);
    expect(refusal.status).toBe(400);
    expect(refusal.text).toContain("Bucket is a requester pays bucket but no user project provided.");
    expect((await get(stranger, "?userProject=another-project")).status).toBe(200);
    expect((await get(`robot@${place.emulator.project}.iam.gserviceaccount.com`)).status).toBe(200);
  });
});
