import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Storage } from "@google-cloud/storage";
import { expect, test } from "vitest";
import { startEmulator } from "../../../../emulator/index.ts";

test("after a restart there is still all that a bucket and its objects were given", async () => {
  const state = mkdtempSync(join(tmpdir(), "moult-storage-"));
  const open = async () => {
    const emulator = await startEmulator({ instances: "virtual", state });
    const storage = new Storage({ projectId: emulator.project, apiEndpoint: emulator.url });
    return { emulator, storage };
  };
  const encryptionKey = randomBytes(32);
  const uniform = { iamConfiguration: { uniformBucketLevelAccess: { enabled: true } } };
  const first = await open();
  const [kept] = await first.storage.createBucket("kept", { ...uniform, hierarchicalNamespace: { enabled: true } });
  await kept.file("a/sealed", { encryptionKey }).save("secret", { resumable: false });
  const [gone] = await first.storage.createBucket("gone");
  const [{ generation }] = await gone.getMetadata();
  await gone.delete();
  const [key] = await first.storage.createHmacKey("robot@example.com");
  const accounts = `${first.emulator.url}/v1/projects/${first.emulator.project}/serviceAccounts`;
  await fetch(accounts, { method: "POST", body: JSON.stringify({ accountId: "lasting" }) });
  await first.emulator.close();

  const second = await open();
  const bucket = second.storage.bucket("kept");
  const [text] = await bucket.file("a/sealed", { encryptionKey }).download();
  expect(text.toString()).toBe("secret");
  await expect(bucket.file("a/sealed").download()).rejects.toMatchObject({ code: 400 });
  const folders = await (await fetch(`${second.emulator.url}/storage/v1/b/kept/folders`)).json();
  expect(folders).toMatchObject({ items: [{ name: "a/" }] });
  await second.storage.bucket("gone").restore({ generation: String(generation) });
  expect((await second.storage.bucket("gone").exists())[0]).toBe(true);
  expect((await second.storage.getHmacKeys())[0].map(({ id }) => id)).toEqual([key.id]);
  const account = `lasting@${second.emulator.project}.iam.gserviceaccount.com`;
  const found = await fetch(`${second.emulator.url}/v1/projects/${second.emulator.project}/serviceAccounts/${account}`);
  expect(found.status).toBe(200);
  await second.emulator.close();
  rmSync(state, { recursive: true });
});
