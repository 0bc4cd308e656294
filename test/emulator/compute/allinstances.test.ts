import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Bed,
  type Group,
  group,
  groupUrl,
  type Json,
  members,
  settle,
  startBed,
  template,
  templateUrl,
  ZONAL,
} from "./bed.ts";

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

const RECREATE = { replacementMethod: "RECREATE", maxSurge: { fixed: 0 }, maxUnavailable: { fixed: 1 } };
const set = (properties: Json, more: Json = {}) =>
  bed.patch(groupUrl(), { allInstancesConfig: { properties }, ...more });
const status = async () =>
  (await bed.get<Group & { status: { allInstancesConfig: Json } }>(groupUrl())).status.allInstancesConfig;

/** `[labels, metadata]` of every machine, without what the group itself sets. */
async function machines(): Promise<[Json, Json][]> {
  const all: [Json, Json][] = [];
  for (const { name } of await members(bed)) {
    const found = await bed.get<{ labels?: Json; metadata: { items?: { key: string; value: string }[] } }>(
      `${ZONAL}/instances/${name}`,
    );
    const own = (found.metadata.items ?? []).filter(({ key }) => !["created-by", "instance-template"].includes(key));
    all.push([found.labels ?? {}, Object.fromEntries(own.map(({ key, value }) => [key, value]))]);
  }
  return all;
}

describe("an all-instances configuration", () => {
  test("is on new machines at once, over their template, and on old ones only when it is applied", async () => {
    await group(bed, 1);
    await template(bed, "labelled", "image-1", {
      labels: { env: "test", tier: "web" },
      metadata: { items: [{ key: "colour", value: "blue" }] },
    });
    await bed.post(`${groupUrl()}/setInstanceTemplate`, { instanceTemplate: templateUrl("labelled") });
    await bed.patch(groupUrl(), { updatePolicy: { type: "PROACTIVE" } });
    await settle(bed);
    await bed.patch(groupUrl(), { updatePolicy: { type: "OPPORTUNISTIC" } });
    await set({ labels: { env: "prod" }, metadata: { colour: "green", size: "big" } });
    await settle(bed);
    expect(await status()).toEqual({ effective: false, currentRevision: expect.stringMatching(/^2026-01-15T/) });
    await bed.post(`${groupUrl()}/resize?size=2`);
    await settle(bed);
    const [old, fresh] = (await machines()).sort(([a], [b]) => (String(a.env) > String(b.env) ? -1 : 1));
    expect(old).toEqual([{ env: "test", tier: "web" }, { colour: "blue" }]);
    expect(fresh).toEqual([
      { env: "prod", tier: "web" },
      { colour: "green", size: "big" },
    ]);
    await bed.post(`${groupUrl()}/applyUpdatesToInstances`, { allInstances: true });
    await settle(bed);
    expect(await machines()).toEqual([fresh, fresh]);
    expect(await status()).toMatchObject({ effective: true });
  });

  test("is applied by a proactive update that refreshes, keeping machines; the version was reached all the time", async () => {
    await group(bed, 3, { updatePolicy: { type: "PROACTIVE", minimalAction: "REFRESH" } });
    const ids = (await members(bed)).map(({ id }) => id);
    await set({ labels: { env: "prod" } });
    expect((await bed.get<Group>(groupUrl())).status).toMatchObject({
      isStable: false,
      versionTarget: { isReached: true },
      allInstancesConfig: { effective: false },
    });
    await settle(bed);
    expect((await members(bed)).map(({ id }) => id)).toEqual(ids);
    expect((await machines()).map(([labels]) => labels)).toEqual(Array(3).fill({ env: "prod" }));
  });

  test("is applied by replacement where the policy replaces, one more at a time at the most", async () => {
    await group(bed, 3, { updatePolicy: { type: "PROACTIVE", maxSurge: { fixed: 1 }, maxUnavailable: { fixed: 0 } } });
    const ids = (await members(bed)).map(({ id }) => id);
    await set({ metadata: { colour: "green" } });
    let most = 0;
    while (!(await bed.get<Group>(groupUrl())).status.isStable) {
      most = Math.max(most, (await members(bed)).length);
      await bed.clock.advance(50);
    }
    expect(most).toBe(4);
    const after = await members(bed);
    expect(after.filter(({ id }) => ids.includes(id))).toEqual([]);
    expect(after).toHaveLength(3);
    expect((await machines()).map(([, metadata]) => metadata)).toEqual(Array(3).fill({ colour: "green" }));
  });

  test("leaves machines of two versions in their versions", async () => {
    await group(bed, 4, { updatePolicy: { type: "PROACTIVE", minimalAction: "REFRESH", ...RECREATE } });
    await template(bed, "two", "image-1", { machineType: "e2-medium" });
    const two = { instanceTemplate: templateUrl("two"), targetSize: { fixed: 2 } };
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("one") }, two] });
    await settle(bed);
    const before = (await members(bed)).map(({ id, version }) => [id, version.instanceTemplate]);
    await set({ labels: { env: "prod" } });
    await settle(bed);
    expect((await members(bed)).map(({ id, version }) => [id, version.instanceTemplate])).toEqual(before);
    expect((await machines()).map(([labels]) => labels)).toEqual(Array(4).fill({ env: "prod" }));
  });

  test("has another revision with every change, and none where nothing is changed", async () => {
    await group(bed, 1);
    await set({ labels: { env: "prod" } });
    const first = (await status()).currentRevision;
    await bed.patch(groupUrl(), { description: "the same" });
    await set({ labels: { env: "prod" } });
    expect((await status()).currentRevision).toBe(first);
    await set({ labels: { tier: "web" } });
    expect((await status()).currentRevision).not.toBe(first);
    expect(await bed.get(groupUrl())).toMatchObject({
      allInstancesConfig: { properties: { labels: { env: "prod", tier: "web" } } },
    });
  });

  test("loses single values that are patched to null, and is gone with its last", async () => {
    await group(bed, 1, { updatePolicy: { type: "PROACTIVE", minimalAction: "REFRESH" } });
    await set({ labels: { env: "prod" }, metadata: { colour: "green" } });
    await settle(bed);
    await set({ labels: { env: null } });
    await settle(bed);
    expect(await machines()).toEqual([[{}, { colour: "green" }]]);
    await set({ metadata: { colour: null } });
    const after = await settle(bed);
    expect(await machines()).toEqual([[{}, {}]]);
    expect(after).not.toHaveProperty("allInstancesConfig");
    expect(await status()).toEqual({ effective: true });
  });

  test("is on machines that are healed, whatever the policy waits for", async () => {
    await group(bed, 1);
    await set({ labels: { env: "prod" } });
    const [member] = await members(bed);
    await bed.call("DELETE", `${ZONAL}/instances/${member?.name}`);
    await bed.clock.advance(1_000);
    await settle(bed);
    expect((await machines()).map(([labels]) => labels)).toEqual([{ env: "prod" }]);
    expect(await status()).toMatchObject({ effective: true });
  });

  const rows: [string, Json, RegExp][] = [
    ["a label in capitals", { labels: { Env: "prod" } }, /Label 'Env' is malformed/],
    ["a label with a blank", { labels: { env: "a b" } }, /Label 'env' is malformed/],
    ["a metadata key with a blank", { metadata: { "a b": "c" } }, /Metadata keys must match/],
    ["a property that no configuration has", { machineType: "e2-small" }, /Unknown name "machineType"/],
  ];
  test.each(rows)("cannot have %s", async (_what, properties, message) => {
    await group(bed, 1);
    const reply = await bed.call<{ error: { message: string } }>("PATCH", groupUrl(), {
      allInstancesConfig: { properties },
    });
    expect(reply.status).toBe(400);
    expect(reply.body.error.message).toMatch(message);
  });
});
