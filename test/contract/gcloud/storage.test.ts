import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scenario } from "./suite.ts";

/** https://cloud.google.com/storage/docs: create buckets, upload, download, list, compose, versions, soft delete, lifecycle */
scenario(
  "buckets and objects",
  (cloud) => {
    const names = async (what: string) => (await cloud().values(`storage objects list ${what}`, "name")).flat();
    const bucket = () => cloud().json<Record<string, unknown>>("storage buckets describe gs://tried");
    const update = (rest: string) => cloud().say(`storage buckets update gs://tried ${rest}`);
    const cat = async (url: string) => (await cloud().say(`storage cat ${url}`)).stdout;

    test("a bucket is made where and as it was asked for", async () => {
      await cloud().say(
        "storage buckets create gs://tried --location=europe-west4 --uniform-bucket-level-access --default-storage-class=STANDARD --soft-delete-duration=7d --public-access-prevention",
      );
      expect(await bucket()).toMatchObject({
        name: "tried",
        location: "EUROPE-WEST4",
        default_storage_class: "STANDARD",
        uniform_bucket_level_access: true,
        public_access_prevention: "enforced",
        soft_delete_policy: { retentionDurationSeconds: "604800" },
      });
      expect(await cloud().refused("storage buckets create gs://tried")).toContain("409");
      expect(await cloud().values("storage buckets list", "name,location_type")).toEqual([["tried", "region"]]);
    });

    test("a bucket's settings change one by one", async () => {
      await update("--versioning --update-labels=env=prod,tier=web");
      await update("--lifecycle-file=lifecycle.json --cors-file=cors.json");
      await update("--default-storage-class=NEARLINE --no-public-access-prevention --remove-labels=tier");
      await update("--web-main-page-suffix=index.html --web-error-page=404.html --retention-period=60s");
      expect(await bucket()).toMatchObject({
        versioning_enabled: true,
        labels: { env: "prod" },
        lifecycle_config: { rule: [{ action: { type: "Delete" }, condition: { age: 30, isLive: false } }] },
        cors_config: [{ origin: ["https://example.com"], method: ["GET"], maxAgeSeconds: 3600 }],
        default_storage_class: "NEARLINE",
        public_access_prevention: "inherited",
        website_config: { mainPageSuffix: "index.html", notFoundPage: "404.html" },
        retention_policy: { retentionPeriod: "60" },
      });
      await update(
        "--clear-lifecycle --clear-cors --clear-labels --clear-retention-period --default-storage-class=STANDARD",
      );
      const cleared = await bucket();
      for (const gone of ["lifecycle_config", "cors_config", "labels", "retention_policy"])
        expect(cleared).not.toHaveProperty(gone);
      await update("--clear-web-main-page-suffix --clear-web-error-page");
    });

    test("files go up with their metadata, and come down as they were", async () => {
      await cloud().say(
        "storage cp tree/one gs://tried/one.txt --custom-metadata=release=1 --content-type=text/plain --cache-control=no-cache",
      );
      expect(await cat("gs://tried/one.txt")).toBe("1");
      expect(await cloud().json("storage objects describe gs://tried/one.txt")).toMatchObject({
        name: "one.txt",
        size: 1,
        content_type: "text/plain",
        cache_control: "no-cache",
        custom_fields: { release: "1" },
        storage_class: "STANDARD",
      });
      await cloud().say("storage cp big gs://tried/big");
      await cloud().say("storage cp gs://tried/big back");
      expect(readFileSync(join(cloud().folder, "back")).equals(readFileSync(join(cloud().folder, "big")))).toBe(true);
      expect((await cloud().say("storage cat -r 0-3 gs://tried/big")).stdout).toBe("big ");
    });

    test("folders go up and down whole", async () => {
      await cloud().say("storage cp -r tree gs://tried/");
      expect(await names("gs://tried/tree/**")).toEqual(["tree/one", "tree/sub/two", "tree/three.txt"]);
      mkdirSync(join(cloud().folder, "down"));
      await cloud().say("storage cp -r gs://tried/tree down/");
      expect(readFileSync(join(cloud().folder, "down", "tree", "sub", "two"), "utf8")).toBe("2");
      const listed = await cloud().say("storage ls gs://tried/tree");
      expect(listed.stdout.trim().split("\n")).toEqual([
        "gs://tried/tree/one",
        "gs://tried/tree/three.txt",
        "gs://tried/tree/sub/",
      ]);
      expect((await cloud().say("storage ls -r gs://tried/tree/*.txt")).stdout.trim()).toBe(
        "gs://tried/tree/three.txt",
      );
      expect((await cloud().say("storage du -s gs://tried/tree")).stdout).toMatch(/^3\s+gs:\/\/tried\/tree/);
    });

    test("a precondition that does not hold keeps what is there", async () => {
      expect(await cloud().refused("storage cp tree/sub/two gs://tried/one.txt --if-generation-match=0")).toContain(
        "412",
      );
      expect(await cat("gs://tried/one.txt")).toBe("1");
      const [[generation] = []] = await cloud().values("storage objects describe gs://tried/one.txt", "generation");
      await cloud().say(`storage cp tree/sub/two gs://tried/one.txt --if-generation-match=${generation}`);
      expect(await cat("gs://tried/one.txt")).toBe("2");
      await cloud().say("storage cp tree/three.txt gs://tried/one.txt --no-clobber");
      expect(await cat("gs://tried/one.txt")).toBe("2");
    });

    test("older generations are listed, read and removed one by one", async () => {
      const versions = (await cloud().say("storage ls -a gs://tried/one.txt")).stdout.trim().split("\n");
      expect(versions).toHaveLength(2);
      expect(await cat(versions[0] ?? "")).toBe("1");
      await cloud().say(`storage rm ${versions[0]}`);
      expect((await cloud().say("storage ls -a gs://tried/one.txt")).stdout.trim().split("\n")).toEqual([versions[1]]);
    });

    test("metadata of objects changes without their content", async () => {
      const change = (rest: string) => cloud().say(`storage objects update gs://tried/one.txt ${rest}`);
      await change("--update-custom-metadata=stage=canary --content-language=de --content-type=application/json");
      expect(await cloud().json("storage objects describe gs://tried/one.txt")).toMatchObject({
        custom_fields: { stage: "canary" },
        content_language: "de",
        content_type: "application/json",
        metageneration: 2,
      });
      await change("--storage-class=COLDLINE");
      expect(await cloud().json("storage objects describe gs://tried/one.txt")).toMatchObject({
        storage_class: "COLDLINE",
        custom_fields: { stage: "canary" },
      });
    });

    test("an object that is held is not removed", async () => {
      await cloud().say("storage objects update gs://tried/one.txt --temporary-hold");
      expect(await cloud().refused("storage rm gs://tried/one.txt")).toContain("hold");
      await cloud().say("storage objects update gs://tried/one.txt --no-temporary-hold");
    });

    test("objects are composed, copied, moved, and their hashes are those of the files", async () => {
      await cloud().say(
        "storage objects compose gs://tried/tree/one gs://tried/tree/sub/two gs://tried/tree/three.txt gs://tried/all",
      );
      expect(await cat("gs://tried/all")).toBe("123");
      writeFileSync(join(cloud().folder, "all"), "123");
      const hash = async (what: string) => (await cloud().json<{ crc32c_hash: string }[]>(`storage hash ${what}`))[0];
      expect((await hash("gs://tried/all"))?.crc32c_hash).toBe((await hash("all"))?.crc32c_hash);
      await cloud().say("storage buckets create gs://other --location=us");
      await cloud().say("storage cp gs://tried/all gs://other/copied");
      await cloud().say("storage mv gs://other/copied gs://other/moved");
      expect(await names("gs://other")).toEqual(["moved"]);
      expect(await cat("gs://other/moved")).toBe("123");
    });

    test("rsync brings what differs, and removes what is no longer there when asked so", async () => {
      await cloud().say("storage rsync -r tree gs://other/sync");
      expect(await names("gs://other/sync/**")).toEqual(["sync/one", "sync/sub/two", "sync/three.txt"]);
      const again = await cloud().say("storage rsync -r tree gs://other/sync");
      expect(again.stderr).not.toContain("Copying");
      await cloud().say("storage rm gs://other/sync/one");
      await cloud().say("storage cp all gs://other/sync/extra");
      await cloud().say("storage rsync -r --delete-unmatched-destination-objects tree gs://other/sync");
      expect(await names("gs://other/sync/**")).toEqual(["sync/one", "sync/sub/two", "sync/three.txt"]);
    });

    test("an object that was removed softly comes back", async () => {
      await cloud().say("storage rm gs://other/moved");
      expect(await names("gs://other/moved")).toEqual([]);
      expect(await names("gs://other/** --soft-deleted")).toContain("moved");
      await cloud().say("storage restore gs://other/moved");
      expect(await cat("gs://other/moved")).toBe("123");
    });

    test("rights on a bucket are given and taken", async () => {
      const binding = "gs://tried --member=user:a@example.com --role=roles/storage.objectViewer";
      const bindings = async () =>
        (
          await cloud().json<{ bindings?: { role: string; members: string[] }[] }>(
            "storage buckets get-iam-policy gs://tried",
          )
        ).bindings ?? [];
      await cloud().say(`storage buckets add-iam-policy-binding ${binding}`);
      expect(await bindings()).toContainEqual({ role: "roles/storage.objectViewer", members: ["user:a@example.com"] });
      await cloud().say(`storage buckets remove-iam-policy-binding ${binding}`);
      expect((await bindings()).map(({ role }) => role)).not.toContain("roles/storage.objectViewer");
    });

    test("a bucket tells a topic what happens to its objects", async () => {
      await cloud().say("pubsub topics create changes");
      await cloud().say("pubsub subscriptions create watching --topic=changes");
      await cloud().say(
        "storage buckets notifications create gs://tried --topic=changes --event-types=OBJECT_FINALIZE --object-prefix=refs/",
      );
      const [one] = await cloud().json<{ Notification?: object }[]>("storage buckets notifications list gs://tried");
      expect(JSON.stringify(one)).toContain("topics/changes");
      await cloud().say("storage cp tree/one gs://tried/refs/web");
      await cloud().say("storage cp tree/one gs://tried/elsewhere");
      const pulled = await cloud().json<{ message: { attributes: Record<string, string> } }[]>(
        "pubsub subscriptions pull watching --auto-ack --limit=10",
      );
      expect(pulled.map(({ message }) => message.attributes)).toMatchObject([
        { eventType: "OBJECT_FINALIZE", objectId: "refs/web", bucketId: "tried" },
      ]);
      await cloud().say("storage buckets notifications delete gs://tried");
      expect(await cloud().json("storage buckets notifications list gs://tried")).toEqual([]);
    });

    test("a bucket is deleted empty, or with everything in it", async () => {
      expect(await cloud().refused("storage buckets delete gs://tried")).toMatch(/not empty|409/);
      await cloud().say("storage rm -r gs://tried gs://other");
      expect(await cloud().values("storage buckets list", "name")).toEqual([]);
      expect(await cloud().refused("storage ls gs://tried")).toContain("404");
    });
  },
  async ({ folder }) => {
    mkdirSync(join(folder, "tree", "sub"), { recursive: true });
    writeFileSync(join(folder, "tree", "one"), "1");
    writeFileSync(join(folder, "tree", "sub", "two"), "2");
    writeFileSync(join(folder, "tree", "three.txt"), "3");
    writeFileSync(join(folder, "big"), Buffer.alloc(9_000_000, "big and "));
    const rule = { action: { type: "Delete" }, condition: { age: 30, isLive: false } };
    writeFileSync(join(folder, "lifecycle.json"), JSON.stringify({ rule: [rule] }));
    const cors = {
      origin: ["https://example.com"],
      method: ["GET"],
      responseHeader: ["Content-Type"],
      maxAgeSeconds: 3600,
    };
    writeFileSync(join(folder, "cors.json"), JSON.stringify([cors]));
  },
);
