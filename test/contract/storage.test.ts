import { createHash } from "node:crypto";
import { PubSub } from "@google-cloud/pubsub";
import { type Bucket, Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emulatorOnly, failure, openPlace, type Place } from "./place.ts";

let place: Place;
let storage: Storage;
let bucket: Bucket;

beforeAll(async () => {
  place = await openPlace();
  storage = new Storage({
    projectId: place.project,
    ...(place.emulator && { apiEndpoint: place.emulator.url }),
  });
  bucket = await makeBucket("bucket");
});
afterAll(() => place.close());

async function makeBucket(what: string, more: object = {}): Promise<Bucket> {
  const name = place.name(what);
  const made = storage.bucket(name);
  place.later(name, async () => {
    await made.deleteFiles({ force: true, versions: true });
    await made.delete();
  });
  await storage.createBucket(name, { location: place.region, ...more });
  return made;
}
const read = async (name: string) => (await bucket.file(name).download())[0].toString();
const codeOf = async (work: Promise<unknown>) => Number((await failure(work)).code);
const reasonOf = async (work: Promise<unknown>) => (await failure(work)).errors?.[0]?.reason;

describe("buckets", () => {
  test("a bucket has what it was made with", async () => {
    const made = await makeBucket("made", { labels: { app: "web" }, versioning: { enabled: true } });
    const [metadata] = await made.getMetadata();
    expect(metadata).toMatchObject({
      kind: "storage#bucket",
      name: made.name,
      labels: { app: "web" },
      versioning: { enabled: true },
      storageClass: "STANDARD",
      location: place.region.toUpperCase(),
      metageneration: "1",
    });
    expect(metadata.projectNumber).toMatch(/^\d+$/);
    expect(Date.parse(metadata.timeCreated ?? "")).toBeGreaterThan(Date.now() - 600_000);
  });

  test("a second bucket of the same name is a conflict", async () => {
    expect(await codeOf(storage.createBucket(bucket.name))).toBe(409);
  });

  test.each(["UPPER", "a", "with space", "goog-something", "127.0.0.1"])("the name %j is refused", async (name) => {
    expect(await codeOf(storage.createBucket(name))).toBe(400);
  });

  test("a bucket that is not there is notFound", async () => {
    const absent = storage.bucket(place.name("absent"));
    expect(await absent.exists()).toEqual([false]);
    expect([await codeOf(absent.getMetadata()), await reasonOf(absent.getMetadata())]).toEqual([404, "notFound"]);
    expect(await codeOf(absent.file("x").save("x", { resumable: false }))).toBe(404);
    expect(await codeOf(absent.getFiles())).toBe(404);
  });

  test("a bucket with something in it is not deleted", async () => {
    const full = await makeBucket("full");
    await full.file("x").save("x", { resumable: false });
    expect(await codeOf(full.delete())).toBe(409);
    await full.file("x").delete();
    await full.delete();
    expect(await full.exists()).toEqual([false]);
  });

  test("a patch changes what it names, and takes out what is null", async () => {
    const made = await makeBucket("patched", { labels: { a: "1", b: "2" } });
    await made.setMetadata({ labels: { a: "3", b: null } });
    const [metadata] = await made.getMetadata();
    expect([metadata.labels, metadata.metageneration]).toEqual([{ a: "3" }, "2"]);
    const conditions = { ifMetagenerationMatch: 1 };
    expect(await codeOf(made.setMetadata({ labels: { a: "4" } }, conditions))).toBe(412);
  });

  test("buckets are listed by prefix and page", async () => {
    const prefix = place.name("list");
    const names = [`${prefix}-a`, `${prefix}-b`];
    for (const name of names) {
      place.later(name, () => storage.bucket(name).delete());
      await storage.createBucket(name);
    }
    const [all] = await storage.getBuckets({ prefix });
    expect(all.map(({ name }) => name)).toEqual(names);
    const [page, next] = await storage.getBuckets({ prefix, maxResults: 1, autoPaginate: false });
    expect(page.map(({ name }) => name)).toEqual(names.slice(0, 1));
    const [rest] = await storage.getBuckets(next as object);
    expect(rest.map(({ name }) => name)).toEqual(names.slice(1));
  });

  test("a lifecycle, a retention and a CORS configuration are kept", async () => {
    const made = await makeBucket("settings");
    await made.addLifecycleRule({ action: { type: "Delete" }, condition: { age: 30 } });
    await made.setRetentionPeriod(60);
    await made.setCorsConfiguration([{ maxAgeSeconds: 3600, method: ["GET"], origin: ["*"] }]);
    const [metadata] = await made.getMetadata();
    expect(metadata.lifecycle?.rule).toMatchObject([{ action: { type: "Delete" }, condition: { age: 30 } }]);
    expect(metadata.retentionPolicy?.retentionPeriod).toBe("60");
    expect(metadata.cors).toMatchObject([{ method: ["GET"], origin: ["*"] }]);
    await made.removeRetentionPeriod();
    expect((await made.getMetadata())[0].retentionPolicy).toBeUndefined();
  });

  test("a policy is read, changed and asked", async () => {
    const made = await makeBucket("policy", { iamConfiguration: { uniformBucketLevelAccess: { enabled: true } } });
    const [policy] = await made.iam.getPolicy({ requestedPolicyVersion: 3 });
    expect(policy.etag).toMatch(/./);
    const member = `projectViewer:${place.project}`;
    policy.bindings.push({ role: "roles/storage.objectViewer", members: [member] });
    await made.iam.setPolicy(policy);
    const [changed] = await made.iam.getPolicy({ requestedPolicyVersion: 3 });
    expect(changed.bindings.find(({ role }) => role === "roles/storage.objectViewer")?.members).toContain(member);
    const [granted] = await made.iam.testPermissions(["storage.objects.get"]);
    expect(granted).toEqual({ "storage.objects.get": true });
  });
});

describe("objects", () => {
  test.each([
    { resumable: false, size: 0 },
    { resumable: false, size: 100_000 },
    { resumable: true, size: 100_000 },
  ])("come back as they were stored: %o", async ({ resumable, size }) => {
    const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7) % 256));
    const file = bucket.file(`dir/ü ✓ ${resumable} ${size}.bin`);
    await file.save(bytes, { resumable, metadata: { contentType: "application/x-thing", metadata: { release: "ä" } } });
    const [back] = await file.download();
    expect(back.equals(bytes)).toBe(true);
    const [metadata] = await file.getMetadata();
    expect(metadata).toMatchObject({
      kind: "storage#object",
      size: String(size),
      contentType: "application/x-thing",
      metadata: { release: "ä" },
      md5Hash: createHash("md5").update(bytes).digest("base64"),
      metageneration: "1",
      storageClass: "STANDARD",
    });
    expect(metadata.generation).toMatch(/^\d{16}$/);
    expect(metadata.crc32c).toMatch(/^[\w+/]{6}==$/);
  });

  test("a resumable upload in chunks is one object", async () => {
    const bytes = Buffer.alloc(600_000, "chunk ");
    const file = bucket.file("chunks");
    await file.save(bytes, { resumable: true, chunkSize: 256 * 1024 });
    expect((await file.download())[0].equals(bytes)).toBe(true);
  });

  test("a part of an object is read by its range", async () => {
    await bucket.file("range").save("0123456789", { resumable: false });
    const [part] = await bucket.file("range").download({ start: 2, end: 5 });
    expect(part.toString()).toBe("2345");
  });

  test("an object that is not there is notFound", async () => {
    const file = bucket.file("absent ✓");
    expect(await file.exists()).toEqual([false]);
    expect([await codeOf(file.getMetadata()), await codeOf(file.download())]).toEqual([404, 404]);
    expect([await codeOf(file.delete()), await codeOf(file.copy("x"))]).toEqual([404, 404]);
  });

  test("a write that must make the object makes it once", async () => {
    const file = bucket.file("once");
    const preconditionOpts = { ifGenerationMatch: 0 };
    await file.save("first", { resumable: false, preconditionOpts });
    const again = file.save("second", { resumable: false, preconditionOpts });
    expect(await codeOf(again)).toBe(412);
    expect(await read("once")).toBe("first");
  });

  test("a write over an older generation is refused, as is its removal", async () => {
    const file = bucket.file("generations");
    await file.save("one", { resumable: false });
    const old = Number((await file.getMetadata())[0].generation);
    await file.save("two", { resumable: false });
    const preconditionOpts = { ifGenerationMatch: old };
    expect(await codeOf(file.save("three", { resumable: false, preconditionOpts }))).toBe(412);
    expect(await codeOf(file.delete(preconditionOpts))).toBe(412);
    expect(await read("generations")).toBe("two");
  });

  test("metadata changes under its own generation", async () => {
    const file = bucket.file("metadata");
    await file.save("x", { resumable: false, metadata: { metadata: { a: "1", b: "2" } } });
    const [changed] = await file.setMetadata({ cacheControl: "no-store", metadata: { a: "ü", b: null } });
    expect(changed).toMatchObject({ cacheControl: "no-store", metadata: { a: "ü" }, metageneration: "2" });
    expect(await codeOf(file.setMetadata({ metadata: { a: "3" } }, { ifMetagenerationMatch: 1 }))).toBe(412);
  });

  test("lists have folders by delimiter, and pages", async () => {
    for (const name of ["tree/a", "tree/b/1", "tree/b/2", "tree/c"])
      await bucket.file(name).save("x", { resumable: false });
    const [files, , answer] = await bucket.getFiles({ prefix: "tree/", delimiter: "/", autoPaginate: false });
    expect(files.map(({ name }) => name)).toEqual(["tree/a", "tree/c"]);
    expect((answer as { prefixes?: string[] }).prefixes).toEqual(["tree/b/"]);
    const [page, next] = await bucket.getFiles({ prefix: "tree/", maxResults: 3, autoPaginate: false });
    expect(page).toHaveLength(3);
    const [rest] = await bucket.getFiles(next as object);
    expect(rest.map(({ name }) => name)).toEqual(["tree/c"]);
    const [between] = await bucket.getFiles({ prefix: "tree/", startOffset: "tree/b/2", endOffset: "tree/c" });
    expect(between.map(({ name }) => name)).toEqual(["tree/b/2"]);
    const [globbed] = await bucket.getFiles({ matchGlob: "tree/**/[12]" });
    expect(globbed.map(({ name }) => name)).toEqual(["tree/b/1", "tree/b/2"]);
    const [none] = await bucket.getFiles({ prefix: "tree/z" });
    expect(none).toEqual([]);
  });

  test("copies, moves and compositions are objects of their own", async () => {
    await bucket.file("one").save("one,", { resumable: false, metadata: { contentType: "text/x-one" } });
    await bucket.file("two").save("two", { resumable: false });
    await bucket.file("one").copy("copy/of one");
    expect((await bucket.file("copy/of one").getMetadata())[0].contentType).toBe("text/x-one");
    await bucket.combine(["one", "two"], "both");
    expect(await read("both")).toBe("one,two");
    expect((await bucket.file("both").getMetadata())[0].componentCount).toBe(2);
    await bucket.file("two").move("moved");
    expect([await read("moved"), await bucket.file("two").exists()]).toEqual(["two", [false]]);
  });

  test("a copy to another bucket keeps the bytes and gets metadata of its own", async () => {
    const other = await makeBucket("other");
    await bucket.file("source").save("bytes", { resumable: false });
    await bucket.file("source").copy(other.file("target"), { metadata: { from: "source" }, contentType: "text/plain" });
    const [[bytes], [metadata]] = [await other.file("target").download(), await other.file("target").getMetadata()];
    expect([bytes.toString(), metadata.metadata, metadata.contentType]).toEqual([
      "bytes",
      { from: "source" },
      "text/plain",
    ]);
  });

  test("versions stay to be listed and read", async () => {
    const versioned = await makeBucket("versions", { versioning: { enabled: true } });
    const file = versioned.file("x");
    await file.save("one", { resumable: false });
    const generation = String((await file.getMetadata())[0].generation);
    await file.save("two", { resumable: false });
    const [old] = await versioned.file("x", { generation }).download();
    expect(old.toString()).toBe("one");
    expect((await versioned.getFiles({ versions: true }))[0]).toHaveLength(2);
    await file.delete();
    expect((await versioned.getFiles())[0]).toEqual([]);
    expect((await versioned.getFiles({ versions: true }))[0]).toHaveLength(2);
  });

  test("a hold keeps an object from removal", async () => {
    const file = bucket.file("held");
    await file.save("x", { resumable: false });
    await file.setMetadata({ temporaryHold: true });
    expect(await codeOf(file.delete())).toBe(403);
    await file.setMetadata({ temporaryHold: false });
    await file.delete();
  });

  test("gzip is unpacked on its way to who cannot read it", async () => {
    const file = bucket.file("zipped");
    await file.save("text ".repeat(100), { resumable: false, gzip: true });
    expect((await file.getMetadata())[0].contentEncoding).toBe("gzip");
    expect((await file.download())[0].toString()).toBe("text ".repeat(100));
    const [packed] = await file.download({ decompress: false });
    expect(packed.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
  });

  test("bytes that are not the announced ones are not stored", async () => {
    const file = bucket.file("corrupt");
    const md5Hash = createHash("md5").update("other").digest("base64");
    expect(await codeOf(file.save("bytes", { resumable: false, validation: false, metadata: { md5Hash } }))).toBe(400);
    expect(await file.exists()).toEqual([false]);
  });

  test("the newest bytes come as a stream", async () => {
    await bucket.file("stream").save("streamed", { resumable: false });
    const chunks: Buffer[] = [];
    for await (const chunk of bucket.file("stream").createReadStream()) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe("streamed");
  });

  emulatorOnly("a fault is put there by the retry test API")("an error that passes is tried again", async () => {
    const made = await fetch(`${place.emulator?.url}/retry_test`, {
      method: "POST",
      body: JSON.stringify({ instructions: { "storage.objects.get": ["return-503"] } }),
    });
    const { id } = (await made.json()) as { id: string };
    await bucket.file("retried").save("x", { resumable: false });
    const patient = new Storage({ projectId: place.project, apiEndpoint: place.emulator?.url ?? "" });
    patient.interceptors.push({
      request: (options: { headers?: object }) => ({
        ...options,
        headers: { ...options.headers, "x-retry-test-id": id },
      }),
    } as never);
    expect(await patient.bucket(bucket.name).file("retried").exists()).toEqual([true]);
    const after = await fetch(`${place.emulator?.url}/retry_test/${id}`);
    expect(await after.json()).toMatchObject({ completed: true });
  });
});

describe("notifications", () => {
  const topicNamed = async (what: string) => {
    const pubsub = place.opened(new PubSub({ projectId: place.project }));
    const [topic] = await pubsub.createTopic(place.name(what));
    place.later(topic.name, () => topic.delete());
    return topic;
  };

  emulatorOnly("the storage service's agent needs a grant on the topic there")(
    "what happens to objects is published, as was asked",
    async () => {
      const topic = await topicNamed("notified");
      const [subscription] = await topic.createSubscription(place.name("sub"));
      const source = await makeBucket("notifying");
      const [made] = await source.createNotification(topic.name, {
        eventTypes: ["OBJECT_FINALIZE"],
        objectNamePrefix: "in/",
        customAttributes: { from: "ü" },
      });
      expect((await source.getNotifications())[0].map(({ id }) => id)).toEqual([made.id]);
      const [metadata] = await made.getMetadata();
      expect(metadata).toMatchObject({ event_types: ["OBJECT_FINALIZE"], object_name_prefix: "in/" });
      const received = new Promise<{ data: Buffer; attributes: Record<string, string> }>((resolve) => {
        subscription.on("message", (message) => {
          message.ack();
          resolve(message);
        });
      });
      await source.file("out/a").save("a", { resumable: false });
      await source.file("in/b").save("b", { resumable: false });
      const { data, attributes } = await received;
      await subscription.close();
      expect(attributes).toMatchObject({
        eventType: "OBJECT_FINALIZE",
        bucketId: source.name,
        objectId: "in/b",
        payloadFormat: "JSON_API_V1",
        from: "ü",
      });
      expect(JSON.parse(data.toString())).toMatchObject({ kind: "storage#object", name: "in/b", size: "1" });
      await made.delete();
      expect((await source.getNotifications())[0]).toEqual([]);
      expect(await codeOf(made.getMetadata())).toBe(404);
    },
  );
});
