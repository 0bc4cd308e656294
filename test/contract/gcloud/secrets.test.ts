import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scenario } from "./suite.ts";

/** https://cloud.google.com/secret-manager/docs: create, add and access versions, rotation, aliases, regional secrets */
scenario(
  "secrets and their versions",
  (cloud) => {
    const state = async (secret: string, version: string) =>
      (await cloud().values(`secrets versions describe ${version} --secret=${secret}`, "state"))[0]?.[0]?.toUpperCase();

    test("a secret is made, given versions, and read by number and by latest", async () => {
      await cloud().say("secrets create db --replication-policy=automatic --labels=app=web --set-annotations=owner=me");
      await cloud().say("secrets versions add db --data-file=first");
      await cloud().say("secrets versions add db --data-file=second");
      expect((await cloud().say("secrets versions access 1 --secret=db")).stdout).toBe("first value");
      expect((await cloud().say("secrets versions access latest --secret=db")).stdout).toBe("second value");
      await cloud().say("secrets versions access latest --secret=db --out-file=read");
      expect(readFileSync(join(cloud().folder, "read"), "utf8")).toBe("second value");
      expect(await cloud().json("secrets versions describe 1 --secret=db")).toMatchObject({
        state: "ENABLED",
        clientSpecifiedPayloadChecksum: true,
      });
    });

    test("a secret is made with its first version in one command", async () => {
      await cloud().say("secrets create quick --data-file=first");
      expect((await cloud().say("secrets versions access 1 --secret=quick")).stdout).toBe("first value");
      expect(await cloud().refused("secrets create quick")).toContain("already exists");
    });

    test("a disabled version is not read until it is enabled again", async () => {
      await cloud().say("secrets versions disable 1 --secret=db");
      expect(await cloud().refused("secrets versions access 1 --secret=db")).toContain("is in DISABLED state.");
      expect(await cloud().values("secrets versions list db --filter=state=ENABLED", "name.basename()")).toEqual([
        ["2"],
      ]);
      await cloud().say("secrets versions enable 1 --secret=db");
      expect(await state("db", "1")).toBe("ENABLED");
    });

    test("an alias names a version until it is removed", async () => {
      await cloud().say("secrets update db --update-version-aliases=prod=1,next=2");
      expect((await cloud().say("secrets versions access prod --secret=db")).stdout).toBe("first value");
      await cloud().say("secrets update db --remove-version-aliases=prod");
      expect(await cloud().refused("secrets versions access prod --secret=db")).toContain("not found");
      expect(await cloud().json("secrets describe db")).toMatchObject({ versionAliases: { next: "2" } });
    });

    test("labels and annotations are changed, and lists filter by them", async () => {
      await cloud().say("secrets update db --update-labels=tier=back --update-annotations=owner=you");
      expect(await cloud().json("secrets describe db")).toMatchObject({
        labels: { app: "web", tier: "back" },
        annotations: { owner: "you" },
      });
      expect(await cloud().values("secrets list --filter=labels.app=web", "name")).toEqual([["db"]]);
      expect((await cloud().values("secrets list --sort-by=name", "name")).flat()).toEqual(["db", "quick"]);
      await cloud().say("secrets update db --clear-labels");
      expect(await cloud().json("secrets describe db")).not.toHaveProperty("labels");
    });

    test("a destroyed version is gone for good, but still listed", async () => {
      await cloud().say("secrets versions destroy 1 --secret=db");
      expect(await state("db", "1")).toBe("DESTROYED");
      expect(await cloud().refused("secrets versions access 1 --secret=db")).toContain("is in DESTROYED state.");
      const listed = await cloud().values("secrets versions list db --sort-by=name", "name.basename(),state");
      expect(listed.map(([name, how]) => [name, how?.toUpperCase()])).toEqual([
        ["1", "DESTROYED"],
        ["2", "ENABLED"],
      ]);
    });

    test("replication is automatic or to chosen places, and stays so", async () => {
      await cloud().say("secrets create placed --replication-policy=user-managed --locations=us-central1,europe-west4");
      expect(await cloud().json("secrets replication get placed")).toMatchObject({
        userManaged: { replicas: [{ location: "us-central1" }, { location: "europe-west4" }] },
      });
    });

    test("rotation tells its topics when, and both are taken away", async () => {
      await cloud().say("pubsub topics create rotations");
      const topic = `projects/${cloud().emulator.project}/topics/rotations`;
      await cloud().say(
        `secrets create rotating --topics=${topic} --next-rotation-time=2100-06-01T00:00:00Z --rotation-period=2592000s`,
      );
      expect(await cloud().json("secrets describe rotating")).toMatchObject({
        topics: [{ name: topic }],
        rotation: { nextRotationTime: "2100-06-01T00:00:00Z", rotationPeriod: "2592000s" },
      });
      await cloud().say("pubsub subscriptions create told --topic=rotations");
      await cloud().say("secrets versions add rotating --data-file=first");
      const events = await cloud().json<{ message: { attributes: { eventType: string } } }[]>(
        "pubsub subscriptions pull told --auto-ack --limit=10",
      );
      expect(events.map(({ message }) => message.attributes.eventType)).toContain("SECRET_VERSION_ADD");
      await cloud().say("secrets update rotating --remove-rotation-period");
      await cloud().say("secrets update rotating --remove-next-rotation-time --clear-topics");
      const bare = await cloud().json("secrets describe rotating");
      expect(bare).not.toHaveProperty("topics");
      expect(bare).not.toHaveProperty("rotation.nextRotationTime");
    });

    test("a secret may end by itself, at a time or after one", async () => {
      await cloud().say("secrets create passing --expire-time=2100-01-01T00:00:00Z");
      expect(await cloud().json("secrets describe passing")).toMatchObject({ expireTime: "2100-01-01T00:00:00Z" });
      await cloud().say("secrets update passing --remove-expiration");
      expect(await cloud().json("secrets describe passing")).not.toHaveProperty("expireTime");
      await cloud().say("secrets update passing --ttl=7200s");
      const [[expires = ""] = []] = await cloud().values("secrets describe passing", "expireTime");
      expect(Date.parse(expires) - Date.now()).toBeGreaterThan(7_000_000);
    });

    test("rights on a secret are given and taken", async () => {
      const binding = "db --member=user:a@example.com --role=roles/secretmanager.secretAccessor";
      await cloud().say(`secrets add-iam-policy-binding ${binding}`);
      expect(await cloud().json("secrets get-iam-policy db")).toMatchObject({
        bindings: [{ role: "roles/secretmanager.secretAccessor", members: ["user:a@example.com"] }],
      });
      await cloud().say(`secrets remove-iam-policy-binding ${binding}`);
      expect(await cloud().json("secrets get-iam-policy db")).not.toHaveProperty("bindings");
    });

    test("a regional secret lives in its place alone", async () => {
      const here = "--location=us-central1";
      await cloud().say(`secrets create near ${here}`);
      await cloud().say(`secrets versions add near --data-file=first ${here}`);
      expect((await cloud().say(`secrets versions access latest --secret=near ${here}`)).stdout).toBe("first value");
      expect(await cloud().values(`secrets list ${here}`, "name.basename()")).toEqual([["near"]]);
      expect(await cloud().values(`secrets versions list near ${here}`, "name.basename()")).toEqual([["1"]]);
      expect(await cloud().refused("secrets describe near")).toContain("not found");
      await cloud().say(`secrets delete near ${here}`);
      expect(await cloud().values(`secrets list ${here}`, "name")).toEqual([]);
    });

    test("a deleted secret is not found", async () => {
      await cloud().say("secrets delete db");
      expect(await cloud().refused("secrets describe db")).toContain("not found");
      expect((await cloud().values("secrets locations list", "locationId")).flat()).toContain("us-central1");
    });
  },
  async (cloud) => {
    writeFileSync(join(cloud.folder, "first"), "first value");
    writeFileSync(join(cloud.folder, "second"), "second value");
  },
);
