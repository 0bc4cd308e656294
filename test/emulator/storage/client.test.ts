import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

/** Google's unmodified Node client, both ways of pointing it here. */
describe.each(["STORAGE_EMULATOR_HOST", "apiEndpoint"])("@google-cloud/storage by %s", (way) => {
  let emulator: Emulator;
  let storage: Storage;

  beforeAll(async () => {
    emulator = await startEmulator();
    if (way === "STORAGE_EMULATOR_HOST") process.env.STORAGE_EMULATOR_HOST = emulator.url;
    else delete process.env.STORAGE_EMULATOR_HOST;
    storage = new Storage({
      projectId: emulator.project,
      ...(way === "apiEndpoint" && { apiEndpoint: emulator.url }),
      retryOptions: { autoRetry: false },
    });
    await storage.createBucket("fleet");
  });
  afterAll(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await emulator.close();
  });

  test("makes, finds, lists, labels and deletes a bucket", async () => {
    const [bucket] = await storage.createBucket("to-go", { location: "europe-west4", versioning: { enabled: true } });
    const [metadata] = await bucket.getMetadata();
    expect(metadata).toMatchObject({
      name: "to-go",
      location: "EUROPE-WEST4",
      locationType: "region",
      storageClass: "STANDARD",
      versioning: { enabled: true },
      projectNumber: emulator.projectNumber,
      softDeletePolicy: { retentionDurationSeconds: "604800" },
    });
    await bucket.setLabels({ team: "web" });
    expect((await bucket.getLabels())[0]).toEqual({ team: "web" });
    const [buckets] = await storage.getBuckets();
    expect(buckets.map(({ name }) => name)).toEqual(["fleet", "to-go"]);
    await bucket.delete();
    expect((await bucket.exists())[0]).toBe(false);
  });

  test.each([{ resumable: false }, { resumable: true }])("stores and reads back bytes (%o)", async (how) => {
    const bytes = Buffer.from('{"a":1}\r\n--x--\n'.repeat(50_000));
    const file = storage.bucket("fleet").file(`some/dir/ü ${how.resumable}.json`);
    await file.save(bytes, { ...how, metadata: { contentType: "application/json", metadata: { release: "1" } } });
    const [read] = await file.download();
    expect(read.equals(bytes)).toBe(true);
    const [metadata] = await file.getMetadata();
    expect(metadata).toMatchObject({
      size: String(bytes.length),
      contentType: "application/json",
      metageneration: "1",
      metadata: { release: "1" },
    });
  });

  test("uploads in chunks and verifies them", async () => {
    const bytes = Buffer.alloc(700_000, "chunky");
    const file = storage.bucket("fleet").file("chunks");
    await file.save(bytes, { resumable: true, chunkSize: 262_144, validation: "crc32c" });
    expect((await file.download({ validation: "md5" }))[0].equals(bytes)).toBe(true);
  });

  test("reads a range", async () => {
    const file = storage.bucket("fleet").file("range");
    await file.save("0123456789", { resumable: false });
    const [part] = await file.download({ start: 2, end: 5 });
    expect(part.toString()).toBe("2345");
  });

  test("stores packed text and unpacks it", async () => {
    const file = storage.bucket("fleet").file("packed");
    await file.save("text ".repeat(1000), { gzip: true, resumable: false });
    expect((await file.download())[0].toString()).toBe("text ".repeat(1000));
    expect((await file.getMetadata())[0].contentEncoding).toBe("gzip");
  });

  test("lists by prefix, by folder and page by page", async () => {
    const [bucket] = await storage.createBucket("listing");
    for (const name of ["a/1", "a/2", "b/c/3", "d", "e"]) await bucket.file(name).save(name, { resumable: false });
    const names = async (query: object) => (await bucket.getFiles(query))[0].map(({ name }) => name);
    expect(await names({ prefix: "a/" })).toEqual(["a/1", "a/2"]);
    const paged: string[] = [];
    let query: object | null = { maxResults: 2, autoPaginate: false };
    while (query) {
      const [page, next] = (await bucket.getFiles(query)) as [{ name: string }[], object | null, unknown];
      expect(page.length).toBeLessThanOrEqual(2);
      paged.push(...page.map(({ name }) => name));
      query = next;
    }
    expect(paged).toEqual(["a/1", "a/2", "b/c/3", "d", "e"]);
    expect(await names({ startOffset: "a/2", endOffset: "d" })).toEqual(["a/2", "b/c/3"]);
    expect(await names({ matchGlob: "**/[12]" })).toEqual(["a/1", "a/2"]);
    const [files, , answer] = await bucket.getFiles({ delimiter: "/", autoPaginate: false });
    expect(files.map(({ name }) => name)).toEqual(["d", "e"]);
    expect((answer as { prefixes: string[] }).prefixes).toEqual(["a/", "b/"]);
    const error = await bucket.delete().catch((problem: unknown) => problem);
    expect(error).toMatchObject({ code: 409, message: "The bucket you tried to delete is not empty." });
    await bucket.deleteFiles();
    await bucket.delete();
  });

  test("copies, moves, joins and deletes", async () => {
    const bucket = storage.bucket("fleet");
    await bucket.file("one").save("1", { resumable: false, metadata: { metadata: { kept: "yes" } } });
    await bucket.file("one").copy(bucket.file("two"));
    expect((await bucket.file("two").getMetadata())[0].metadata).toEqual({ kept: "yes" });
    await bucket.file("two").move("three");
    expect((await bucket.file("two").exists())[0]).toBe(false);
    await bucket.file("three").moveFileAtomic("four");
    await bucket.combine(["one", "four"], "both");
    const [metadata] = await bucket.file("both").getMetadata();
    expect(metadata.componentCount).toBe(2);
    expect(metadata.md5Hash).toBeUndefined();
    expect((await bucket.file("both").download())[0].toString()).toBe("11");
    await bucket.file("both").delete();
    const error = await bucket
      .file("both")
      .download()
      .catch((problem: unknown) => problem);
    expect(error).toMatchObject({ code: 404 });
    expect(String((error as Error).message)).toContain("No such object: fleet/both");
  });

  test("keeps generations of a versioned bucket", async () => {
    const [bucket] = await storage.createBucket("versions", { versioning: { enabled: true } });
    const file = bucket.file("x");
    await file.save("first", { resumable: false });
    const first = (await file.getMetadata())[0].generation;
    await file.save("second", { resumable: false });
    await file.delete();
    expect((await file.exists())[0]).toBe(false);
    const [versions] = await bucket.getFiles({ versions: true });
    expect(versions.map(({ metadata }) => metadata.timeDeleted !== undefined)).toEqual([true, true]);
    const old = bucket.file("x", { generation: String(first) });
    expect((await old.download())[0].toString()).toBe("first");
    await bucket.deleteFiles({ versions: true });
    await bucket.delete();
  });

  test("restores what was soft-deleted", async () => {
    const file = storage.bucket("fleet").file("soft");
    await file.save("still here", { resumable: false });
    const generation = Number((await file.getMetadata())[0].generation);
    await file.delete();
    const [deleted] = await storage.bucket("fleet").getFiles({ softDeleted: true, prefix: "soft" });
    expect(deleted).toHaveLength(1);
    await file.restore({ generation });
    expect((await file.download())[0].toString()).toBe("still here");
  });

  test("one of many concurrent writers with ifGenerationMatch wins, the others get 412", async () => {
    const file = storage.bucket("fleet").file("race");
    await file.save("0", { resumable: false });
    const ifGenerationMatch = Number((await file.getMetadata())[0].generation);
    const writes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        file.save(`by ${i}`, { resumable: i % 2 === 0, preconditionOpts: { ifGenerationMatch } }),
      ),
    );
    expect(writes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const codes = writes.flatMap((write) =>
      write.status === "rejected" ? [Number(write.reason.code ?? write.reason.status)] : [],
    );
    expect(new Set(codes)).toEqual(new Set([412]));
    const winner = writes.findIndex(({ status }) => status === "fulfilled");
    expect((await file.download())[0].toString()).toBe(`by ${winner}`);
  });

  test("reads and writes an IAM policy, with its etag", async () => {
    const bucket = storage.bucket("fleet");
    const [policy] = await bucket.iam.getPolicy();
    policy.bindings.push({ role: "roles/storage.objectViewer", members: ["serviceAccount:agent@acme.example"] });
    await bucket.iam.setPolicy(policy);
    const [now] = await bucket.iam.getPolicy();
    expect(now.bindings.at(-1)?.members).toEqual(["serviceAccount:agent@acme.example"]);
    await expect(bucket.iam.setPolicy(policy)).rejects.toMatchObject({ code: 412 });
    const [held] = await bucket.iam.testPermissions(["storage.objects.get", "storage.objects.create"]);
    expect(held).toEqual({ "storage.objects.get": true, "storage.objects.create": true });
  });

  test("makes, lists and deletes notification configurations", async () => {
    const bucket = storage.bucket("fleet");
    const [notification] = await bucket.createNotification("projects/acme/topics/config", {
      eventTypes: ["OBJECT_FINALIZE"],
      objectNamePrefix: "refs/",
    } as object);
    expect((await notification.getMetadata())[0]).toMatchObject({
      topic: "//pubsub.googleapis.com/projects/acme/topics/config",
      payload_format: "JSON_API_V1",
    });
    expect((await bucket.getNotifications())[0]).toHaveLength(1);
    await notification.delete();
    expect((await bucket.getNotifications())[0]).toHaveLength(0);
  });

  test("says who publishes notifications", async () => {
    const [account] = await storage.getServiceAccount();
    expect(account.emailAddress).toBe(`service-${emulator.projectNumber}@gs-project-accounts.iam.gserviceaccount.com`);
  });
});
