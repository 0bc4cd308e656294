import { describe, expect, it } from "vitest";
import { ticked } from "../../../functions/controller/events.ts";
import { reconcile } from "../../../functions/controller/reconcile.ts";
import { loadRecord, paths } from "../../../functions/controller/records.ts";
import { begin } from "../../../functions/core/consider.ts";
import { emptyRecord, type FleetRecord } from "../../../functions/core/record.ts";
import { makeRelease } from "../../../functions/core/release.ts";
import { Failure } from "../../../functions/google/failure.ts";
import type { InstanceGroupManager } from "../../../wire/compute.d.ts";
import { baseProperties, imageOf, policyOf, sha256 } from "../core/small-cloud.ts";
import { fakeCloud } from "./fakes.ts";

const web2 = imageOf("web-2", "1002");

const manager = {
  fingerprint: "f",
  targetSize: 3,
  versions: [{ instanceTemplate: "global/instanceTemplates/web-base" }],
  updatePolicy: { type: "OPPORTUNISTIC" },
  status: {},
} as InstanceGroupManager;

const compute = {
  group: async () => manager,
  head: async () => web2,
  images: async () => [web2],
  image: async () => imageOf("web-1", "1001"),
  managedInstances: async () => [],
  groupErrors: async () => [],
  projectQuotas: async () => [],
  region: async () => undefined,
  template: async (name: string) => (name === "web-base" ? { name, properties: baseProperties } : undefined),
};

/** A fleet that was taken on, whose family has moved on. */
function record(more: Partial<FleetRecord> = {}): FleetRecord {
  const image = { id: "1001", name: "web-1", project: "acme-prod" };
  const release = makeRelease({ image, configCommit: null, secrets: {}, base: {} }, sha256);
  const stable = { release, since: "2026-01-01T00:00:00.000Z", adopted: true, versions: {} };
  return { ...emptyRecord("web"), policy: policyOf(), stable, ...more };
}

describe("a look", () => {
  it("that Google is too busy for is not repeated at once", async () => {
    let asked = 0;
    const cloud = fakeCloud({
      ...compute,
      insertTemplate: () => {
        asked += 1;
        return Promise.reject(new Failure("unavailable", 403, "POST", "rateLimitExceeded"));
      },
    });
    await cloud.state.write(paths.record("web"), JSON.stringify(record()), "0");
    const next = Date.parse((await reconcile(cloud, "web")).next ?? "");
    expect(asked).toBe(1);
    expect(next - cloud.time.now()).toBeGreaterThanOrEqual(3_000);
  });

  it("whose change is refused is not repeated every half second", async () => {
    let asked = 0;
    const cloud = fakeCloud({
      ...compute,
      insertTemplate: () => {
        asked += 1;
        return Promise.reject(new Failure("denied", 403, "POST", "Required permission"));
      },
    });
    await cloud.state.write(paths.record("web"), JSON.stringify(record()), "0");
    const next = Date.parse((await reconcile(cloud, "web")).next ?? "");
    expect(asked).toBe(2);
    expect(next - cloud.time.now()).toBeGreaterThanOrEqual(20_000);
    const { record: after } = await loadRecord(cloud.state, "web");
    expect(after.reasons.map(({ text }) => text).join()).toMatch(/Required permission/);
  });

  it("at a fleet whose configuration ref holds nonsense says so", async () => {
    const cloud = fakeCloud(compute);
    const policy = policyOf({ config: { ref: "web/prod" } });
    await cloud.state.write(paths.record("web"), JSON.stringify(record({ policy })), "0");
    await cloud.config.write("refs/web/prod.json", "{", "0");
    await reconcile(cloud, "web");
    const { record: after } = await loadRecord(cloud.state, "web");
    expect(after.reasons.map(({ word }) => word)).toEqual(["config-missing"]);
  });
});

describe("what a fleet has published", () => {
  it("and whoever died did not write is written by the next whole look", async () => {
    const cloud = fakeCloud(compute);
    const image = { id: "1001", name: "web-1", project: "acme-prod" };
    const published = [{ image, since: "2026-01-01T00:00:00.000Z", withdrawn: true as const }];
    const policy = policyOf({ mode: "observe" });
    await cloud.state.write(paths.record("web"), JSON.stringify(record({ policy, published })), "0");
    const stale = { schema: 1, fleet: "web", images: [{ image, since: "2026-01-01T00:00:00.000Z" }] };
    await cloud.state.write(paths.published("web"), JSON.stringify(stale), "0");
    await reconcile(cloud, "web");
    const written = JSON.parse(cloud.state.objects.get(paths.published("web"))?.text ?? "{}") as object;
    expect(written).toEqual({ ...stale, images: published });
  });
});

describe("a record", () => {
  it("of a rollout that an older version began gets the fleet's own file", async () => {
    const cloud = fakeCloud();
    const old = record();
    const stable = old.stable;
    if (!stable || !old.policy) throw new Error("the record of this test has both");
    const turn = {
      record: old,
      observation: { at: "", commands: [], groups: {}, reports: [], gates: {}, templates: {} },
      moves: [],
      context: {
        now: "2026-01-01T00:00:00.000Z",
        sha256,
        places: { reportsBucket: "", reportsTopic: "", configBucket: "" },
      },
      effects: [],
      reasons: [],
    };
    const rollout = begin(turn, old.policy, {
      id: "web-1",
      kind: "forward",
      from: stable,
      to: stable.release,
      reports: true,
      groups: {},
    });
    const { policy: _, ...older } = rollout;
    await cloud.state.write(paths.record("web"), JSON.stringify({ ...old, active: older }), "0");
    expect((await loadRecord(cloud.state, "web")).record.active?.policy).toEqual(old.policy);
  });

  it("of a newer schema is not written over", async () => {
    const cloud = fakeCloud();
    await cloud.state.write(paths.record("web"), JSON.stringify({ ...record(), schema: 2 }), "0");
    await expect(loadRecord(cloud.state, "web")).rejects.toThrow(/schema 2/);
  });

  it("that cannot be read does not keep other fleets from being rung", async () => {
    const cloud = fakeCloud();
    await cloud.state.write(paths.record("api"), "{", "0");
    await cloud.state.write(paths.record("web"), JSON.stringify(record()), "0");
    await ticked(cloud, { message: {}, subscription: "s" });
    expect(cloud.rung.map(({ attributes }) => attributes.fleet)).toEqual(["web"]);
    expect(cloud.logged.join()).toMatch(/record of api cannot be read/);
  });
});
