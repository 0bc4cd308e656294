import { beforeEach, describe, expect, it } from "vitest";
import { ring } from "../../../functions/controller/bell.ts";
import { ticked } from "../../../functions/controller/events.ts";
import { secretChanged } from "../../../functions/controller/inputevents.ts";
import { reconcile } from "../../../functions/controller/reconcile.ts";
import { loadRecord, paths } from "../../../functions/controller/records.ts";
import { emptyRecord, type FleetRecord } from "../../../functions/core/record.ts";
import { makeRelease } from "../../../functions/core/release.ts";
import { baseDigest } from "../../../functions/core/template.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { baseProperties, imageOf, policyOf, sha256 } from "../core/small-cloud.ts";
import { type Fakes, fakeCloud } from "./fakes.ts";

const SECRET = "projects/acme-prod/secrets/web-db";
const image = imageOf("web-1", "1001");
const ref = { id: "1001", name: "web-1", project: "acme-prod" };
const base = { "us-central1-a/web": baseDigest(baseProperties, sha256) };
const stableOn = (version: number) => ({
  release: makeRelease(
    { image: ref, configCommit: null, secrets: { db: `${SECRET}/versions/${version}` }, base },
    sha256,
  ),
  since: "2026-01-01T00:00:00.000Z",
  adopted: false,
  versions: {},
});

/** Secret Manager with so many versions; the states of those that are not enabled. */
let states: Record<number, string>;
let asked: string[];
let cloud: Fakes;

beforeEach(async () => {
  states = {};
  asked = [];
  const compute = {
    group: async () => ({
      fingerprint: "f",
      targetSize: 3,
      versions: [{ instanceTemplate: "global/instanceTemplates/web-base" }],
      updatePolicy: {},
      status: { isStable: true },
    }),
    head: async () => image,
    images: async () => [image],
    template: async () => ({ name: "web-base", properties: baseProperties }),
    projectQuotas: async () => [],
    region: async () => undefined,
    instances: async () => [],
    templatesDescribed: async () => [],
  };
  cloud = fakeCloud(compute as unknown as Partial<Compute>);
  cloud.secrets = {
    ...cloud.secrets,
    enabled: async (secret) => {
      asked.push(secret);
      return [1, 2, 3].filter((number) => states[number] === undefined);
    },
    version: async (name) => {
      asked.push(name);
      const number = Number(name.split("/").at(-1));
      return { number, state: states[number] ?? "ENABLED" };
    },
  };
  const policy = policyOf({ secrets: { db: { secret: "web-db" } } });
  const record: FleetRecord = { ...emptyRecord("web"), policy, stable: stableOn(3), previous: [stableOn(2)] };
  await cloud.state.write(paths.record("web"), JSON.stringify(record), "0");
});

const words = async () => (await loadRecord(cloud.state, "web")).record.reasons.map(({ word }) => word);
const errors = () => cloud.logged.filter((_, i) => cloud.severities[i] === "ERROR");

describe("an alarm", () => {
  it("is one line of severity ERROR when it is found, and none while it goes on", async () => {
    await reconcile(cloud, "web");
    expect([await words(), errors()]).toEqual([["up-to-date"], []]);
    states = { 1: "ENABLED", 2: "DESTROYED", 3: "DISABLED" };
    cloud.secrets.enabled = async () => [];
    for (let i = 0; i < 3; i++) {
      await cloud.time.pass(700_000);
      await reconcile(cloud, "web");
    }
    expect(await words()).toContain("secret-unavailable");
    expect(errors()).toEqual([expect.stringMatching(/^version 3 of secret web-db in acme-prod is disabled/)]);
  });

  it("is found at once by the event of Secret Manager", async () => {
    const looked = ring(cloud, "web");
    await cloud.time.pass(100);
    await looked;
    await cloud.time.pass(10_000);
    states = { 3: "DISABLED" };
    const attributes = { eventType: "SECRET_VERSION_DISABLE", secretId: "projects/123456789012/secrets/web-db" };
    const rung = secretChanged(cloud, { message: { attributes }, subscription: "s" });
    await cloud.time.pass(100);
    await rung;
    expect(await words()).toContain("secret-unavailable");
  });

  it("is said again once a day, and the fleet is looked at", async () => {
    states = { 3: "DISABLED" };
    await reconcile(cloud, "web");
    const before = errors().length;
    await ticked(cloud, { message: { attributes: { daily: "true" } }, subscription: "s" });
    expect(errors().slice(before)).toEqual([expect.stringMatching(/^still so at the last look: version 3 /)]);
    expect(cloud.rung.map(({ attributes }) => attributes)).toEqual([{ fleet: "web" }]);
  });

  it("of versions that only going back would need is no error", async () => {
    states = { 2: "DESTROYED" };
    await reconcile(cloud, "web");
    expect([await words(), errors()]).toEqual([["up-to-date", "no-way-back"], []]);
  });
});

describe("what it costs", () => {
  it("is nothing at a look that an event of a machine asks for, and one list of each secret at a whole one", async () => {
    const whole = ring(cloud, "web");
    await cloud.time.pass(100);
    await whole;
    expect(asked).toEqual([SECRET]);
    await cloud.time.pass(10_000);
    asked.length = 0;
    const resting = ring(cloud, "web", ["groups"]);
    await cloud.time.pass(100);
    await resting;
    expect(asked).toEqual([]);
  });

  it("is a look that is tried again while Secret Manager is away, and no alarm", async () => {
    cloud.secrets.enabled = () => Promise.reject(new Failure("unavailable", 503, "list", "try later"));
    await expect(reconcile(cloud, "web")).rejects.toMatchObject({ kind: "unavailable" });
    expect(errors()).toEqual([]);
  });
});

describe("a record of an older version", () => {
  it("has the default of what its fleet file could not say", async () => {
    const { record, generation } = await loadRecord(cloud.state, "web");
    const { settleMs: _, ...policy } = record.policy ?? policyOf();
    const { unusable: __, ...older } = { ...record, policy };
    await cloud.state.write(paths.record("web"), JSON.stringify(older), generation);
    const read = (await loadRecord(cloud.state, "web")).record;
    expect([read.policy?.settleMs, read.unusable]).toEqual([60_000, []]);
  });
});
