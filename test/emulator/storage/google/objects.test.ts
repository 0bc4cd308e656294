import { randomBytes } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPlace, type Place } from "./place.ts";

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.close());

/** Whatever the archive is packed with. */
function unpacked(archive: Buffer): Buffer {
  return archive[0] === 0x1f && archive[1] === 0x8b ? gunzipSync(archive) : archive;
}

const KMS = "projects/acme/locations/us/keyRings/ring/cryptoKeys/key";

describe("a customer-supplied key", () => {
  test.each([false, true])(
    "encrypts an upload, and only who has it reads the object (resumable: %s)",
    async (resumable) => {
      const bucket = await place.bucket();
      const encryptionKey = randomBytes(32);
      const file = bucket.file("secret", { encryptionKey });
      await file.save("secret data", { resumable });
      const plain = bucket.file("secret");
      const [hidden] = await plain.getMetadata();
      expect(hidden).toMatchObject({ customerEncryption: { encryptionAlgorithm: "AES256" }, size: "11" });
      expect(hidden).not.toHaveProperty("crc32c");
      expect((await file.getMetadata())[0]).toMatchObject({ crc32c: expect.any(String), md5Hash: expect.any(String) });
      expect((await file.download())[0].toString()).toBe("secret data");
      await expect(plain.download()).rejects.toMatchObject({
        code: 400,
        message: expect.stringContaining("encrypted by a customer-supplied encryption key"),
      });
      const wrong = bucket.file("secret", { encryptionKey: randomBytes(32) });
      await expect(wrong.download()).rejects.toMatchObject({ message: expect.stringContaining("key is incorrect") });
    },
  );

  test("can be changed for another, and for one of Cloud KMS", async () => {
    const bucket = await place.bucket();
    const file = bucket.file("turned", { encryptionKey: randomBytes(32) });
    await file.save("secret data", { resumable: false });
    const encryptionKey = randomBytes(32);
    await file.rotateEncryptionKey({ encryptionKey });
    expect((await file.download())[0].toString()).toBe("secret data");
    await file.rotateEncryptionKey({ kmsKeyName: KMS });
    const [metadata] = await bucket.file("turned").getMetadata();
    expect(metadata.kmsKeyName).toBe(`${KMS}/cryptoKeyVersions/1`);
    expect(metadata).not.toHaveProperty("customerEncryption");
    expect((await bucket.file("turned").download())[0].toString()).toBe("secret data");
  });

  test("is not kept: what lies in the emulator is not the text", async () => {
    const bucket = await place.bucket();
    await bucket.file("sealed", { encryptionKey: randomBytes(32) }).save("find me if you can", { resumable: false });
    await bucket.file("open").save("in plain sight", { resumable: false });
    const packed = await (await fetch(`${place.emulator.url}/emulator/export`)).arrayBuffer();
    const archive = unpacked(Buffer.from(packed));
    expect(archive.includes("in plain sight")).toBe(true);
    expect(archive.includes("find me if you can")).toBe(false);
  });

  test.each([
    ["a key that is too short", { "x-goog-encryption-key": "AAAA" }, "customerEncryptionKeyFormatIsInvalid"],
    ["a digest of another key", { "x-goog-encryption-key-sha256": "AAAA" }, "customerEncryptionKeySha256IsInvalid"],
    ["another algorithm", { "x-goog-encryption-algorithm": "ROT13" }, "customerEncryptionAlgorithmIsInvalid"],
  ])("refuses %s", async (_sentence, headers, reason) => {
    const bucket = await place.bucket();
    const key = {
      "x-goog-encryption-algorithm": "AES256",
      "x-goog-encryption-key": randomBytes(32).toString("base64"),
    };
    const answer = await fetch(`${place.emulator.url}/upload/storage/v1/b/${bucket.name}/o?name=x&uploadType=media`, {
      method: "POST",
      body: "x",
      headers: { ...key, "x-goog-encryption-key-sha256": "AAAA", ...headers },
    });
    expect(await answer.json()).toMatchObject({ error: { code: 400, errors: [{ reason }] } });
  });
});

describe("a Cloud KMS key", () => {
  test("marks an object with its first version, by the upload or by the bucket's default", async () => {
    const bucket = await place.bucket({ encryption: { defaultKmsKeyName: KMS } });
    await place.file(bucket, "by-default");
    expect((await bucket.file("by-default").getMetadata())[0].kmsKeyName).toBe(`${KMS}/cryptoKeyVersions/1`);
    const other = `${KMS}2`;
    await bucket.file("by-name", { kmsKeyName: other }).save("x", { resumable: true });
    expect((await bucket.file("by-name").getMetadata())[0].kmsKeyName).toBe(`${other}/cryptoKeyVersions/1`);
    await bucket.setMetadata({ encryption: null });
    await place.file(bucket, "plain");
    expect((await bucket.file("plain").getMetadata())[0]).not.toHaveProperty("kmsKeyName");
  });
});

describe("an object's own retention", () => {
  test("is shown, keeps the object, and is taken back only on purpose", async () => {
    const bucket = await place.bucket({ enableObjectRetention: true });
    const retention = { mode: "Unlocked", retainUntilTime: new Date(Date.now() + 3_600_000).toISOString() };
    const file = await place.file(bucket, "kept", "x", { metadata: { retention } });
    expect((await file.getMetadata())[0].retention).toEqual(retention);
    await expect(file.delete()).rejects.toMatchObject({ code: 403 });
    await expect(file.setMetadata({ retention: null })).rejects.toMatchObject({ code: 403 });
    await file.setMetadata({ retention: null }, { overrideUnlockedRetention: true });
    expect((await file.getMetadata())[0].retention).toBeUndefined();
    await file.delete();
  });

  test("cannot be shortened once locked, whatever the caller says", async () => {
    const bucket = await place.bucket({ enableObjectRetention: true });
    const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    const retention = { mode: "Locked", retainUntilTime: at(2) };
    const file = await place.file(bucket, "locked", "x", { metadata: { retention } });
    const shorter = { retention: { mode: "Locked", retainUntilTime: at(1) } };
    await expect(file.setMetadata(shorter, { overrideUnlockedRetention: true })).rejects.toMatchObject({ code: 403 });
    await file.setMetadata({ retention: { mode: "Locked", retainUntilTime: at(3) } });
  });
});

describe("metadata", () => {
  test.each([false, true])("that is too large is refused in words (resumable: %s)", async (resumable) => {
    const bucket = await place.bucket();
    const metadata = { metadata: { custom: "a".repeat(2.1e6) } };
    await expect(bucket.file("large").save("x", { resumable, metadata })).rejects.toThrow(/Metadata part is too large/);
  });

  test("of a caller's own is limited to 8 KiB", async () => {
    const bucket = await place.bucket();
    const metadata = { metadata: { custom: "a".repeat(9000) } };
    await expect(place.file(bucket, "much", "x", { metadata })).rejects.toMatchObject({ code: 400 });
  });

  test("of a copy is the caller's where there is any, and the source's otherwise", async () => {
    const bucket = await place.bucket();
    const source = await place.file(bucket, "a", "x", { metadata: { metadata: { original: "true" } } });
    const [same] = await source.copy("b");
    expect((await same.getMetadata())[0].metadata).toEqual({ original: "true" });
    const [other] = await source.copy("c", { metadata: { fresh: "true" } } as object);
    expect((await other.getMetadata())[0].metadata).toEqual({ fresh: "true" });
    const [open] = await source.copy("d", { predefinedAcl: "publicRead" });
    expect((await open.acl.get({ entity: "allUsers" }))[0]).toEqual({ entity: "allUsers", role: "READER" });
  });
});

test("a rewrite that may do a little per call goes on with its token until it is done", async () => {
  const from = await place.bucket();
  const to = await place.bucket({ location: "EUROPE-WEST4" });
  const bytes = randomBytes(2_500_000);
  await place.file(from, "big", bytes);
  const url = `${place.emulator.url}/storage/v1/b/${from.name}/o/big/rewriteTo/b/${to.name}/o/big`;
  const steps: unknown[] = [];
  let token = "";
  for (let done = false; !done; ) {
    const query = `?maxBytesRewrittenPerCall=1048576${token && `&rewriteToken=${token}`}`;
    const answer = (await (await fetch(url + query, { method: "POST" })).json()) as Record<string, unknown>;
    steps.push(answer.totalBytesRewritten);
    token = String(answer.rewriteToken ?? "");
    done = answer.done === true;
  }
  expect(steps).toEqual(["1048576", "2097152", "2500000"]);
  expect((await to.file("big").download())[0].equals(bytes)).toBe(true);
  expect((await fetch(`${url}?rewriteToken=nonsense`, { method: "POST" })).status).toBe(400);
  expect((await fetch(`${url}?maxBytesRewrittenPerCall=1000`, { method: "POST" })).status).toBe(400);
});

test("many soft-deleted objects come back at once, as an operation that is done", async () => {
  const bucket = await place.bucket();
  for (const name of ["logs/a", "logs/b", "other"]) await (await place.file(bucket, name)).delete();
  const root = `${place.emulator.url}/storage/v1/b/${bucket.name}`;
  const answer = await fetch(`${root}/o/bulkRestore`, {
    method: "POST",
    body: JSON.stringify({ matchGlobs: ["logs/*"] }),
  });
  const operation = (await answer.json()) as { name: string; done: boolean };
  expect(operation.done).toBe(true);
  const polled = await fetch(`${root}/operations/${operation.name.split("/").at(-1)}`);
  expect(await polled.json()).toMatchObject({ done: true, response: { succeededObjectsCount: "2" } });
  expect((await bucket.getFiles())[0].map(({ name }) => name)).toEqual(["logs/a", "logs/b"]);
});

test.each(["true", "True"])("a parameter that is %s is taken so, as Python's clients write it", async (softDeleted) => {
  const bucket = await place.bucket();
  await (await place.file(bucket, "gone")).delete();
  const answer = await fetch(`${place.emulator.url}/storage/v1/b/${bucket.name}/o?softDeleted=${softDeleted}`);
  expect(await answer.json()).toMatchObject({ items: [{ name: "gone" }] });
});

test("an object's policy is its list in other words", async () => {
  const bucket = await place.bucket();
  const file = await place.file(bucket, "shared");
  const url = `${place.emulator.url}/storage/v1/b/${bucket.name}/o/shared/iam`;
  const policy = (await (await fetch(url)).json()) as { etag: string };
  const bindings = [{ role: "roles/storage.legacyObjectReader", members: ["user:a@example.com"] }];
  const put = (body: object) => fetch(url, { method: "PUT", body: JSON.stringify(body) });
  expect((await put({ bindings, etag: policy.etag })).status).toBe(200);
  expect((await file.acl.get())[0]).toEqual([{ entity: "user-a@example.com", role: "READER" }]);
  expect((await put({ bindings, etag: policy.etag })).status).toBe(412);
  expect((await put({ bindings: [{ role: "roles/owner", members: ["user:a@example.com"] }] })).status).toBe(400);
});

test("Java's clients patch with a POST that says so", async () => {
  const bucket = await place.bucket();
  await place.file(bucket, "patched");
  const url = `${place.emulator.url}/storage/v1/b/${bucket.name}/o/patched`;
  const answer = await fetch(url, {
    method: "POST",
    headers: { "x-http-method-override": "PATCH" },
    body: JSON.stringify({ contentLanguage: "en" }),
  });
  expect(await answer.json()).toMatchObject({ contentLanguage: "en", metageneration: "2", acl: expect.any(Array) });
});

test("a batch answers each of its calls on its own", async () => {
  const bucket = await place.bucket();
  for (const name of ["a", "b"]) await place.file(bucket, name);
  const part = (id: number, line: string, body = "") =>
    `--mark\r\nContent-Type: application/http\r\nContent-ID: <id+${id}>\r\n\r\n${line}\r\nContent-Type: application/json\r\n\r\n${body}\r\n`;
  const root = `/storage/v1/b/${bucket.name}/o`;
  const answer = await fetch(`${place.emulator.url}/batch/storage/v1`, {
    method: "POST",
    headers: { "content-type": 'multipart/mixed; boundary="mark"' },
    body: `${part(1, `DELETE ${root}/a HTTP/1.1`)}${part(2, `PATCH ${root}/b HTTP/1.1`, '{"contentType":"text/x"}')}${part(3, `DELETE ${root}/none HTTP/1.1`)}--mark--`,
  });
  const text = await answer.text();
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 204", "HTTP/1.1 200", "HTTP/1.1 404"]);
  expect(text).toContain("Content-ID: <response-id+2>");
  expect((await bucket.getFiles())[0].map(({ metadata }) => metadata.contentType)).toEqual(["text/x"]);
});

test("calls of a retry test are not held by a retention, which Google's testbench does not keep", async () => {
  const bucket = await place.bucket({ retentionPolicy: { retentionPeriod: 600 } });
  await place.file(bucket, "held");
  await expect(bucket.file("held").delete()).rejects.toMatchObject({ code: 403 });
  const made = await fetch(`${place.emulator.url}/retry_test`, {
    method: "POST",
    body: JSON.stringify({ instructions: { "storage.objects.delete": ["return-503"] } }),
  });
  const { id } = (await made.json()) as { id: string };
  const remove = () =>
    fetch(`${place.emulator.url}/storage/v1/b/${bucket.name}/o/held`, {
      method: "DELETE",
      headers: { "x-retry-test-id": id },
    });
  expect([(await remove()).status, (await remove()).status]).toEqual([503, 204]);
});

describe("folders", () => {
  const uniform = { iamConfiguration: { uniformBucketLevelAccess: { enabled: true } } };
  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${place.emulator.url}/storage/v1/b/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, json: (text ? JSON.parse(text) : {}) as Record<string, unknown> };
  };

  test("that are managed are prefixes where asked for, even empty", async () => {
    const bucket = await place.bucket(uniform);
    await place.file(bucket, "parent/x");
    expect((await call("POST", `${bucket.name}/managedFolders`, { name: "kept" })).json).toMatchObject({
      name: "kept/",
    });
    const prefixes = async (includeFoldersAsPrefixes: boolean) => {
      const query = { delimiter: "/", includeFoldersAsPrefixes, autoPaginate: false };
      return ((await bucket.getFiles(query))[2] as { prefixes: string[] }).prefixes;
    };
    expect(await prefixes(false)).toEqual(["parent/"]);
    expect(await prefixes(true)).toEqual(["kept/", "parent/"]);
    expect((await call("DELETE", `${bucket.name}/managedFolders/kept`)).status).toBe(204);
    expect((await call("GET", `${bucket.name}/managedFolders/kept`)).status).toBe(404);
  });

  test("of a hierarchical namespace come with objects, and are renamed with all that lies in them", async () => {
    const bucket = await place.bucket({ ...uniform, hierarchicalNamespace: { enabled: true } });
    await place.file(bucket, "a/b/file");
    const names = async () => {
      const { json } = await call("GET", `${bucket.name}/folders`);
      return (json.items as { name: string }[]).map(({ name }) => name);
    };
    expect(await names()).toEqual(["a/", "a/b/"]);
    expect((await call("DELETE", `${bucket.name}/folders/a%2Fb%2F`)).status).toBe(409);
    expect((await call("POST", `${bucket.name}/folders`, { name: "x/y/" })).status).toBe(404);
    expect((await call("POST", `${bucket.name}/folders/a%2F/renameTo/folders/z%2F`)).json).toMatchObject({
      done: true,
    });
    expect(await names()).toEqual(["z/", "z/b/"]);
    expect((await bucket.getFiles())[0].map(({ name }) => name)).toEqual(["z/b/file"]);
  });
});
