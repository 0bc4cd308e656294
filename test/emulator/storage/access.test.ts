import { generateKeyPairSync } from "node:crypto";
import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

/** Google's unmodified Node client, on who may read what. */
describe("access with @google-cloud/storage", () => {
  let emulator: Emulator;
  let storage: Storage;

  beforeAll(async () => {
    emulator = await startEmulator({ instances: "virtual" });
    storage = new Storage({
      projectId: emulator.project,
      apiEndpoint: emulator.url,
      retryOptions: { autoRetry: false },
    });
    await storage.createBucket("fleet");
  });
  afterAll(() => emulator.close());

  const bucket = () => storage.bucket("fleet");
  async function stored(name: string, options: object = {}) {
    const file = bucket().file(name);
    await file.save("content", options);
    return file;
  }

  test("grants, changes, shows and revokes on a bucket, its default and an object", async () => {
    const file = await stored("listed");
    for (const acl of [bucket().acl, bucket().acl.default, file.acl]) {
      const entity = "user-a@example.com";
      await acl.add({ entity, role: "OWNER" });
      await acl.update({ entity, role: "READER" });
      expect((await acl.get({ entity }))[0]).toEqual({ entity, role: "READER" });
      await acl.delete({ entity });
      await expect(acl.get({ entity })).rejects.toMatchObject({ code: 404 });
      expect((await acl.get())[0]).toHaveLength(3);
      await expect(acl.add({ entity: "nonsense", role: "OWNER" })).rejects.toMatchObject({ code: 400 });
    }
  });

  test("makes objects public and private, at upload and later, and serves the public ones to anybody", async () => {
    const file = await stored("shown/ä b");
    const link = `${emulator.url}/fleet/${encodeURIComponent("shown/ä b")}`;
    expect(await file.isPublic()).toEqual([false]);
    expect((await fetch(link)).status).toBe(403);
    await file.makePublic();
    expect(await file.isPublic()).toEqual([true]);
    expect(await (await fetch(link)).text()).toBe("content");
    await file.makePrivate({ strict: true });
    expect(await file.isPublic()).toEqual([false]);
    for (const resumable of [false, true]) {
      expect(await (await stored("born-public", { public: true, resumable })).isPublic()).toEqual([true]);
    }
    expect(await (await stored("by-default")).isPublic()).toEqual([false]);
    // The client adds everybody to the default of later objects too.
    await bucket().makePublic();
    expect(await (await stored("by-default")).isPublic()).toEqual([true]);
    await bucket().makePrivate();
    expect((await bucket().acl.get())[0]).toHaveLength(3);
  });

  test("has no lists with uniform access", async () => {
    const uniform = { iamConfiguration: { uniformBucketLevelAccess: { enabled: true } } };
    const [created] = await storage.createBucket("uniform", uniform);
    await expect(created.acl.get()).rejects.toMatchObject({ code: 400 });
    await expect(created.file("x").save("x", { public: true, resumable: false })).rejects.toMatchObject({ code: 400 });
    expect(await created.file("x").exists()).toEqual([false]);
  });

  test.each(["v2", "v4"] as const)("serves signed URLs (%s) until they end", async (version) => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const signer = new Storage({
      apiEndpoint: emulator.url,
      credentials: {
        client_email: "a@example.com",
        private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      },
    });
    const file = signer.bucket("fleet").file(`signed-${version}`);
    const url = async (action: "read" | "write", expires: number) =>
      (await file.getSignedUrl({ version, action, expires }))[0];
    const soon = Date.now() + 60_000;
    const headers = { "x-goog-meta-release": "1" };
    const put = await fetch(await url("write", soon), { method: "PUT", body: "by link", headers });
    expect(put.status).toBe(200);
    expect(await (await fetch(await url("read", soon))).text()).toBe("by link");
    const [metadata] = await bucket().file(`signed-${version}`).getMetadata();
    expect(metadata.metadata).toEqual({ release: "1" });
    const ended = (await url("read", soon)).replace(/Date=\d{4}/, "Date=2020").replace(/([?&]Expires)=\d+/, "$1=1000");
    expect(await (await fetch(ended)).text()).toContain("ExpiredToken");
  });

  test("makes, lists, stops and deletes HMAC keys", async () => {
    const [key, secret] = await storage.createHmacKey("robot@example.com");
    expect(secret).toBeTruthy();
    await expect(key.delete()).rejects.toMatchObject({ code: 400 });
    await key.setMetadata({ state: "INACTIVE" });
    const [keys] = await storage.getHmacKeys({ serviceAccountEmail: "robot@example.com" });
    expect(keys.map(({ metadata }) => metadata?.state)).toEqual(["INACTIVE"]);
    await key.delete();
    expect((await storage.getHmacKeys())[0]).toEqual([]);
    expect((await storage.getHmacKeys({ showDeletedKeys: true }))[0]).toHaveLength(1);
  });

  test("a custom time only moves on", async () => {
    const file = await stored("timed");
    await file.setMetadata({ customTime: "2030-01-01T00:00:00Z" });
    await expect(file.setMetadata({ customTime: "2029-01-01T00:00:00Z" })).rejects.toMatchObject({ code: 400 });
    await file.setMetadata({ contentType: "text/plain" });
    expect((await file.getMetadata())[0].customTime).toBe("2030-01-01T00:00:00Z");
  });

  test("a bucket may be paid for by its readers, lie in two regions, and clean up after uploads", async () => {
    const created = storage.bucket("elsewhere");
    await created.create({ location: "US", customPlacementConfig: { dataLocations: ["US-EAST1", "US-WEST1"] } });
    await created.enableRequesterPays();
    await created.addLifecycleRule({ action: { type: "AbortIncompleteMultipartUpload" }, condition: { age: 1 } });
    const [metadata] = await created.getMetadata();
    expect(metadata).toMatchObject({ locationType: "dual-region", billing: { requesterPays: true } });
    expect(metadata.lifecycle?.rule).toHaveLength(1);
  });

  test("a path that is nobody's is still not emulated, rather than a missing object", async () => {
    const answer = await fetch(`${emulator.url}/v9/things`);
    expect(answer.status).toBe(501);
    expect(await answer.text()).toContain("GET /v9/things");
  });

  test("a notification's topic may be named without its service", async () => {
    const topic = `projects/${emulator.project}/topics/told`;
    const made = await fetch(`${emulator.url}/storage/v1/b/fleet/notificationConfigs`, {
      method: "POST",
      body: JSON.stringify({ topic, payload_format: "NONE" }),
    });
    expect(await made.json()).toMatchObject({ topic: `//pubsub.googleapis.com/${topic}` });
  });
});
