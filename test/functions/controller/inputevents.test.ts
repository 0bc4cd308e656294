import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { readBell } from "../../../functions/controller/bell.ts";
import { Hopeless } from "../../../functions/controller/events.ts";
import { configChanged, secretChanged } from "../../../functions/controller/inputevents.ts";
import { paths } from "../../../functions/controller/records.ts";
import { emptyRecord, type FleetRecord } from "../../../functions/core/record.ts";
import { makeRelease } from "../../../functions/core/release.ts";
import type { PushEnvelope } from "../../../wire/pubsub.d.ts";
import { policyOf, sha256 } from "../core/small-cloud.ts";
import { type Fakes, fakeCloud } from "./fakes.ts";

const NUMBER = "123456789012";
const fixtures = new URL("../../fixtures/events/", import.meta.url);
const fixture = (name: string) => JSON.parse(readFileSync(new URL(name, fixtures), "utf8"));
const secretEvents = readdirSync(fixtures).filter((name) => name.startsWith("secret-event-"));

const envelope = (attributes?: Record<string, string>): PushEnvelope => ({
  message: { messageId: "1", ...(attributes && { attributes }) } as PushEnvelope["message"],
  subscription: "s",
});
const stored = (more: Record<string, string> = {}) =>
  envelope({ bucketId: "config", objectId: "refs/web/prod.json", eventType: "OBJECT_FINALIZE", ...more });
const rotated = (secretId: string, eventType = "SECRET_VERSION_ADD") => envelope({ eventType, secretId });

const release = (secrets: Record<string, string>) => ({
  release: makeRelease(
    { image: { id: "1", name: "web-1", project: "acme-prod" }, configCommit: null, secrets, base: {} },
    sha256,
  ),
  since: "2026-01-01T00:00:00.000Z",
  adopted: false,
  versions: {},
});

/** Each fleet's record, before any look was made. */
const fleets: Record<string, Partial<FleetRecord>> = {
  prod: { policy: policyOf({ fleet: "prod", config: { ref: "web/prod" }, secrets: { db: { secret: "web-db" } } }) },
  dev: { policy: policyOf({ fleet: "dev", config: { ref: "web/dev" }, secrets: { db: { secret: "dev-db" } } }) },
  shared: {
    policy: policyOf({ fleet: "shared", secrets: { db: { secret: "web-db", project: "acme-shared" } } }),
  },
  regional: {
    policy: policyOf({ fleet: "regional", secrets: { db: { secret: "web-db", location: "europe-west4" } } }),
  },
  // Its fleet file names no secret any more, and its machines still need one.
  former: {
    policy: policyOf({ fleet: "former" }),
    stable: release({ db: "projects/acme-prod/secrets/old-db/versions/3" }),
  },
  // Only going back would need it.
  earlier: {
    policy: policyOf({ fleet: "earlier" }),
    previous: [release({ db: "projects/acme-prod/secrets/older-db/versions/1" })],
  },
  plain: { policy: policyOf({ fleet: "plain" }) },
  nothing: {},
};

let cloud: Fakes;
beforeEach(async () => {
  cloud = fakeCloud();
  for (const [fleet, more] of Object.entries(fleets))
    await cloud.state.write(paths.record(fleet), JSON.stringify({ ...emptyRecord(fleet), ...more }), "0");
  // A look is not what is asked here: everybody has looked a moment ago, and whoever rings plans the next one.
  for (const fleet of Object.keys(fleets)) {
    const now = cloud.time.now();
    const bell = { at: now + 15_000, last: 0, owner: "another", wish: ["groups"] };
    await cloud.state.write(paths.bell(fleet), JSON.stringify(bell), "0");
  }
});

/** Fleets whose planned look is for this part of the world after the event; nobody waits for the look itself. */
async function rungBy(work: Promise<void>, part: string): Promise<string[]> {
  void work.catch(() => {});
  await cloud.time.pass(0);
  const rung: string[] = [];
  for (const fleet of Object.keys(fleets)) {
    const { wish = "all" } = (await readBell(cloud, fleet)).bell;
    if (wish === "all" || wish.some((one) => one === part)) rung.push(fleet);
  }
  return rung;
}

describe("a notification of the configuration bucket", () => {
  it.each<[string, Record<string, string>, string[]]>([
    ["that a ref was moved rings the fleets that follow it", {}, ["prod"]],
    ["of another ref rings others", { objectId: "refs/web/dev.json" }, ["dev"]],
    ["that a ref was deleted rings, so that the fleet says so", { eventType: "OBJECT_DELETE" }, ["prod"]],
    ["that a versioned bucket archived it rings too", { eventType: "OBJECT_ARCHIVE" }, ["prod"]],
    ["of a ref that nobody follows rings nobody", { objectId: "refs/web.json" }, []],
    ["of another bucket rings nobody", { bucketId: "other" }, []],
    ["of a pack rings nobody: only refs ring", { objectId: `packs/${"a".repeat(64)}.json` }, []],
    ["of what only contains the name rings nobody", { objectId: "old/refs/web/prod.json" }, []],
    ["of what is called like a ref and is none rings nobody", { objectId: "refs/web/prod.json.bak" }, []],
    ["of its metadata rings nobody", { eventType: "OBJECT_METADATA_UPDATE" }, []],
  ])("%s", async (_, more, expected) => {
    expect(await rungBy(configChanged(cloud, stored(more)), "config")).toEqual(expected);
  });

  it("as Cloud Storage sends it is understood", async () => {
    const sent: PushEnvelope = fixture("gcs-notification-OBJECT_FINALIZE.composed.json");
    cloud.settings.configBucket = "example-config";
    expect(await rungBy(configChanged(cloud, sent), "config")).toEqual([]);
    const { message } = sent;
    const moved = {
      ...sent,
      message: { ...message, attributes: { ...message.attributes, objectId: "refs/web/dev.json" } },
    };
    expect(await rungBy(configChanged(cloud, moved), "config")).toEqual(["dev"]);
  });

  it.each<[string, PushEnvelope]>([
    ["without attributes", envelope()],
    ["without an object", envelope({ bucketId: "config", eventType: "OBJECT_FINALIZE" })],
    ["without a bucket", envelope({ objectId: "refs/web/prod.json", eventType: "OBJECT_FINALIZE" })],
    ["without a type", envelope({ bucketId: "config", objectId: "refs/web/prod.json" })],
    ["of a type that there is not", stored({ eventType: "OBJECT_MOVED" })],
  ])("%s is hopeless", async (_, sent) => {
    await expect(configChanged(cloud, sent)).rejects.toBeInstanceOf(Hopeless);
  });
});

describe("an event of Secret Manager", () => {
  it("is known in every type that was recorded or documented", () => {
    expect(secretEvents.length).toBe(9);
  });

  it.each(secretEvents)("%s rings the fleets that use the secret, and no others", async (name) => {
    const { attributes, push }: { attributes: Record<string, string>; push: PushEnvelope } = fixture(name);
    const secret = attributes.secretId?.split("/").at(-1) ?? "";
    const policy = policyOf({ fleet: "plain", secrets: { key: { secret } } });
    const { generation = "0" } = cloud.state.objects.get(paths.record("plain")) ?? {};
    await cloud.state.write(paths.record("plain"), JSON.stringify({ ...emptyRecord("plain"), policy }), generation);
    expect(await rungBy(secretChanged(cloud, push), "secrets")).toEqual(["plain"]);
  });

  it.each<[string, string, Record<string, string>, string[]]>([
    ["names the project by id", "projects/acme-prod/secrets/web-db", {}, ["prod"]],
    ["has a number that is known", `projects/${NUMBER}/secrets/web-db`, { [NUMBER]: "acme-shared" }, ["shared"]],
    ["has a number that is of nobody", `projects/${NUMBER}/secrets/web-db`, { [NUMBER]: "elsewhere" }, []],
    ["has a number that is not known: all of that name", `projects/${NUMBER}/secrets/web-db`, {}, ["prod", "shared"]],
    ["is regional", `projects/${NUMBER}/locations/europe-west4/secrets/web-db`, {}, ["regional"]],
    ["is of another region", `projects/${NUMBER}/locations/us-east1/secrets/web-db`, {}, []],
    ["is needed by a release only", `projects/${NUMBER}/secrets/old-db`, {}, ["former"]],
    ["is needed only for going back", `projects/${NUMBER}/secrets/older-db`, {}, ["earlier"]],
    ["is used by nobody", `projects/${NUMBER}/secrets/web-db-2`, {}, []],
  ])("that %s", async (_, secretId, known, expected) => {
    cloud.secrets = { ...cloud.secrets, projectOf: (number) => known[number] };
    expect(await rungBy(secretChanged(cloud, rotated(secretId)), "secrets")).toEqual(expected);
  });

  it("that only tries the topic is passed over without a word", async () => {
    expect(await rungBy(secretChanged(cloud, envelope({ eventType: "TOPIC_CONFIGURED" })), "secrets")).toEqual([]);
    expect(cloud.logged).toEqual([]);
  });

  it.each<[string, PushEnvelope]>([
    ["without attributes", envelope()],
    ["of a type that there is not", rotated("projects/1/secrets/web-db", "SECRET_VERSION_ACCESS")],
    ["without a secret", envelope({ eventType: "SECRET_UPDATE" })],
    ["that names a version as its secret", rotated("projects/1/secrets/web-db/versions/3")],
    ["that names something else", rotated("projects/1/topics/web-db")],
  ])("%s is hopeless", async (_, sent) => {
    await expect(secretChanged(cloud, sent)).rejects.toBeInstanceOf(Hopeless);
  });

  it("with any attributes whatever either rings or is hopeless, and never fails otherwise", async () => {
    const word = fc.oneof(
      fc.constantFrom(
        "projects/1/secrets/web-db",
        "SECRET_UPDATE",
        "refs/web/prod.json",
        "config",
        "OBJECT_DELETE",
        "",
      ),
      fc.string(),
    );
    const attributes = fc.dictionary(
      fc.constantFrom("eventType", "secretId", "bucketId", "objectId", "versionId"),
      word,
    );
    await fc.assert(
      fc.asyncProperty(attributes, async (some) => {
        for (const event of [configChanged, secretChanged]) {
          const calm = fakeCloud();
          const outcome = await event(calm, envelope(some)).catch((problem: unknown) => problem);
          expect(outcome === undefined || outcome instanceof Hopeless).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
