import { describe, expect, it } from "vitest";
import { observe } from "../../../functions/controller/observe.ts";
import { imageRef } from "../../../functions/core/inputs.ts";
import { emptyRecord, type FleetRecord } from "../../../functions/core/record.ts";
import { makeRelease } from "../../../functions/core/release.ts";
import type { Rollout } from "../../../functions/core/rolloutrecord.ts";
import { baseDigest } from "../../../functions/core/template.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { baseProperties, imageOf, policyOf, sha256 } from "../core/small-cloud.ts";
import { fakeCloud } from "./fakes.ts";

const key = "us-central1-a/web";
const base = { [key]: baseDigest(baseProperties, sha256) };
const releaseOf = (image: ReturnType<typeof imageOf>) =>
  makeRelease({ image: imageRef(image), configCommit: null, secrets: {}, base }, sha256);
const web1 = imageOf("web-1", "1001");
const web2 = imageOf("web-2", "1002");
const NOW = "2026-11-20T12:00:00.000Z";

interface World {
  head?: typeof web1;
  machines?: object[];
  attributes?: Record<string, string>;
  operations?: object[];
  compute?: Partial<Compute>;
}

function place({ head = web1, machines = [], attributes = {}, operations = [], compute = {} }: World) {
  const calls: string[] = [];
  const fakes = {
    group: async () => ({
      fingerprint: "f",
      targetSize: 3,
      versions: [{ instanceTemplate: "global/instanceTemplates/web-base" }],
      updatePolicy: {},
      status: { isStable: false, autoscaler: "zones/us-central1-a/autoscalers/scaler" },
    }),
    autoscaler: async () => ({ name: "scaler", target: "", autoscalingPolicy: { mode: "ON" } }),
    head: async () => head,
    images: async () => [head],
    template: async () => ({ name: "web-base", properties: baseProperties }),
    projectQuotas: async () => [{ metric: "INSTANCE_TEMPLATES", limit: 100, usage: 4 }],
    region: async () => ({ name: "us-central1", quotas: [{ metric: "CPUS", limit: 24, usage: 8 }] }),
    managedInstances: async () => machines,
    groupErrors: async () => [],
    guestAttributes: async () => attributes,
    operationsOn: async () => operations,
    ...compute,
  };
  const counted = Object.fromEntries(
    Object.entries(fakes).map(([name, call]) => [
      name,
      (...all: unknown[]) => {
        calls.push(name);
        return (call as (...all: unknown[]) => unknown)(...all);
      },
    ]),
  );
  return { cloud: fakeCloud(counted as unknown as Partial<Compute>), calls };
}

const record = (more: Partial<FleetRecord> = {}): FleetRecord => ({
  ...emptyRecord("web"),
  policy: policyOf(),
  stable: { release: releaseOf(web1), since: NOW, adopted: true, versions: {} },
  ...more,
});

const rollout = (more: Partial<Rollout> = {}): Rollout =>
  ({
    id: "web-7",
    policy: policyOf(),
    kind: "forward",
    from: { release: releaseOf(web1), since: NOW, adopted: true, versions: {} },
    to: releaseOf(web2),
    reports: true,
    wave: 0,
    step: 0,
    phase: "converging",
    deadline: "2026-11-20T12:01:00.000Z",
    groups: { [key]: { template: "web-new", intent: { key: "x" }, from: {}, to: [] } },
    seen: {},
    failed: {},
    gates: {},
    ...more,
  }) as unknown as Rollout;

const machine = (name: string, id: string) => ({
  name,
  id,
  instance: `zones/us-central1-a/instances/${name}`,
  instanceStatus: "RUNNING",
  currentAction: "NONE",
  version: { instanceTemplate: "global/instanceTemplates/web-new" },
});

describe("a look before a rollout", () => {
  it("at a fleet that is up to date reads neither quotas nor autoscalers", async () => {
    const { cloud, calls } = place({});
    const seen = await observe(cloud, record(), undefined);
    expect(calls.sort()).toEqual(["group", "head", "images", "template"]);
    expect(seen.quotas).toBeUndefined();
  });

  it("that may begin reads quotas of the project and the region, and the autoscaler's mode to be put back", async () => {
    const { cloud } = place({ head: web2 });
    const seen = await observe(cloud, record(), undefined);
    expect(seen.quotas).toEqual([
      { metric: "INSTANCE_TEMPLATES", region: null, limit: 100, usage: 4 },
      { metric: "CPUS", region: "us-central1", limit: 24, usage: 8 },
    ]);
    expect(seen.groups[key]).toMatchObject({ autoscaler: { name: "scaler", mode: "ON" } });
  });

  it("that a person's rollback may begin reads the autoscaler's mode, though the inputs ask for nothing", async () => {
    const { cloud } = place({});
    await cloud.state.write("commands/web/1.json", JSON.stringify({ kind: "rollback", by: "ada" }), "0");
    const seen = await observe(cloud, record(), undefined);
    expect(seen.groups[key]).toMatchObject({ autoscaler: { mode: "ON" } });
  });

  it("asks the budget only when machines may be asked for", async () => {
    const budget = { name: "europe", machines: 3, perHour: null };
    const policy = { ...policyOf(), budget };
    expect((await observe(place({}).cloud, record({ policy }), undefined)).budget).toBeUndefined();
    expect((await observe(place({ head: web2 }).cloud, record({ policy }), undefined)).budget).toEqual({
      leases: [],
      begun: [],
    });
  });
});

describe("the inputs during a rollout that has changed something", () => {
  it.each([
    ["are read when they were never read", null, true],
    ["are not read again within a minute", "2026-11-20T11:59:30.000Z", false],
    ["are read again after a minute", "2026-11-20T11:59:00.000Z", true],
  ])("%s", async (_, inputsRead, read) => {
    const seen = await observe(place({}).cloud, record({ active: rollout(), inputsRead }), undefined);
    expect(seen.inputs !== undefined).toBe(read);
  });

  it("are read at each look as long as nothing was changed", async () => {
    const active = rollout({ groups: { [key]: { template: "web-new" } } as unknown as Rollout["groups"] });
    const seen = await observe(place({}).cloud, record({ active, inputsRead: NOW }), undefined);
    expect(seen.inputs).toBeDefined();
  });
});

describe("a report that is not in the bucket", () => {
  const report = (more: object = {}) =>
    JSON.stringify({
      release: releaseOf(web2).digest,
      instance: { id: "1", name: "web-1" },
      verdict: "ready",
      reason: "ready",
      message: "it answers",
      ...more,
    });
  const late = { active: rollout(), inputsRead: NOW };

  it("is found in the machine's own guest attribute near the deadline", async () => {
    const { cloud } = place({ machines: [machine("web-1", "1")], attributes: { report: report() } });
    const seen = await observe(cloud, record(late), undefined);
    expect(seen.reports).toEqual([
      { instanceId: "1", instanceName: "web-1", verdict: "ready", reason: "ready", message: "it answers" },
    ]);
    expect(cloud.logged.join()).toMatch(/in its guest attributes and not in the reports bucket/);
  });

  it.each([
    ["of another release", report({ release: "b".repeat(64) })],
    ["of another instance, as on a copied disk", report({ instance: { id: "2", name: "web-1" } })],
    ["that is none", "hello"],
  ])("does not count when it is one %s", async (_, text) => {
    const { cloud } = place({ machines: [machine("web-1", "1")], attributes: { report: text } });
    expect((await observe(cloud, record(late), undefined)).reports).toEqual([]);
  });

  it("is not looked for before the last quarter of the time", async () => {
    const active = rollout({ deadline: "2026-11-20T12:04:00.000Z" });
    const { cloud, calls } = place({ machines: [machine("web-1", "1")], attributes: { report: report() } });
    await observe(cloud, record({ active, inputsRead: NOW }), undefined);
    expect(calls).not.toContain("guestAttributes");
  });

  it("is looked for on five machines a look, and on all of them in turn", async () => {
    const asked = new Set<unknown>();
    const guestAttributes = async (_: string, name: string) => {
      asked.add(name);
      return {};
    };
    const machines = Array.from({ length: 12 }, (_, i) => machine(`web-${i}`, String(i)));
    const { cloud, calls } = place({ machines, compute: { guestAttributes } });
    for (let look = 1; look <= 4; look++) {
      await observe(cloud, record(late), undefined);
      expect(calls.filter((name) => name === "guestAttributes")).toHaveLength(5 * look);
      await cloud.time.pass(3_000);
    }
    expect(asked.size).toBe(12);
  });
});

describe("a machine that was made again", () => {
  const active = rollout({ seen: { [`${key}/web-1`]: "1" }, deadline: null });
  const now = { active, inputsRead: NOW };

  it("by Compute itself is said to have been, once", async () => {
    const operations = [
      { operationType: "compute.instances.preempted", targetId: "1", insertTime: "2026-11-20T11:58:00Z" },
      { operationType: "delete", targetId: "1", insertTime: "2026-11-20T11:59:00Z" },
    ];
    const { cloud } = place({ machines: [machine("web-1", "2")], operations });
    const seen = await observe(cloud, record(now), undefined);
    expect(seen.interrupted).toEqual({ "1": "compute.instances.preempted at 2026-11-20T11:58:00Z" });
  });

  it("by its group is not excused", async () => {
    const { cloud } = place({
      machines: [machine("web-1", "2")],
      operations: [{ operationType: "delete", targetId: "1" }],
    });
    expect((await observe(cloud, record(now), undefined)).interrupted).toEqual({});
  });

  it("costs nothing to look for while none was", async () => {
    const { cloud, calls } = place({ machines: [machine("web-1", "1")] });
    expect((await observe(cloud, record(now), undefined)).interrupted).toBeUndefined();
    expect(calls).not.toContain("operationsOn");
  });
});
