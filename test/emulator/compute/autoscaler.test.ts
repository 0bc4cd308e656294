import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Bed, type Group, group, groupUrl, type Json, members, ORIGIN, PROJECT, startBed, ZONAL } from "./bed.ts";

const AUTOSCALERS = `${ZONAL}/autoscalers`;
const WEB = `${AUTOSCALERS}/web`;
const MINUTE = 60_000;

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

const body = (policy: Json = {}, more: Json = {}): Json => ({
  name: "web",
  target: `zones/us-central1-a/instanceGroupManagers/web`,
  autoscalingPolicy: { minNumReplicas: 1, maxNumReplicas: 10, cpuUtilization: { utilizationTarget: 0.5 }, ...policy },
  ...more,
});
const make = async (size: number, policy: Json = {}) => {
  await group(bed, size);
  await bed.post(AUTOSCALERS, body(policy));
};
const load = (signal: Json, name = "web") => bed.call("PUT", `/emulator/load/${name}`, signal);
const size = async () => (await bed.get<Group>(groupUrl())).targetSize;
const events = (method: string) =>
  bed.entries.filter((e) => e.protoPayload?.methodName === `compute.autoscalers.${method}`);
const types = async () =>
  ((await bed.get<{ statusDetails?: { type: string }[] }>(WEB)).statusDetails ?? []).map(({ type }) => type);

describe("an autoscaler", () => {
  test("is pending, then active; its group names it, and it shows its policy with defaults filled in", async () => {
    await make(2);
    expect(await bed.get(WEB)).toMatchObject({ status: "PENDING" });
    await bed.clock.advance(2_000);
    expect(await bed.get(WEB)).toMatchObject({
      kind: "compute#autoscaler",
      name: "web",
      status: "ACTIVE",
      zone: `${bed.url}/compute/v1/projects/acme/zones/us-central1-a`,
      target: `${bed.url}${groupUrl()}`,
      autoscalingPolicy: {
        mode: "ON",
        minNumReplicas: 1,
        maxNumReplicas: 10,
        coolDownPeriodSec: 60,
        cpuUtilization: { utilizationTarget: 0.5, predictiveMethod: "NONE" },
      },
    });
    expect((await bed.get<Group>(groupUrl())).status).toMatchObject({ autoscaler: `${bed.url}${WEB}` });
    expect(await bed.get(AUTOSCALERS)).toMatchObject({ kind: "compute#autoscalerList", items: [{ name: "web" }] });
    const all = await bed.get<{ items: Record<string, Json> }>(`${ORIGIN}/${PROJECT}/aggregated/autoscalers`);
    expect(all.items["zones/us-central1-a"]).toMatchObject({ autoscalers: [{ name: "web" }] });
  });

  const rows: [string, number, Json, Json, number][] = [
    ["grows to current × utilization / target", 2, {}, { cpuUtilization: 0.9 }, 4],
    ["rounds up", 3, {}, { cpuUtilization: 0.6 }, 4],
    ["stays where utilization is the target", 3, {}, { cpuUtilization: 0.5 }, 3],
    ["grows no further than the most", 2, { maxNumReplicas: 3 }, { cpuUtilization: 1 }, 3],
    ["grows to the least, without any load", 2, { minNumReplicas: 5 }, {}, 5],
    ["shrinks to the most, without any load", 4, { maxNumReplicas: 2 }, {}, 2],
    ["shares a total load among machines", 2, {}, { totalCpuUtilization: 2.2 }, 5],
    ["goes to the size a person wants", 2, {}, { size: 7 }, 7],
    ["leaves a group alone that has no load", 3, {}, {}, 3],
    ["does nothing when it is off", 2, { mode: "OFF" }, { cpuUtilization: 1 }, 2],
    ["grows where it may only grow", 2, { mode: "ONLY_SCALE_OUT" }, { cpuUtilization: 1 }, 4],
    ["grows where it may only grow, in the older word", 2, { mode: "ONLY_UP" }, { cpuUtilization: 1 }, 4],
  ];
  test.each(rows)("%s", async (_what, from, policy, signal, to) => {
    await make(from, policy);
    await bed.clock.advance(MINUTE);
    if (Object.keys(signal).length > 0) await load(signal);
    await bed.clock.advance(5_000);
    expect(await size()).toBe(to);
  });

  test("ignores machines that are still initializing, so that it does not grow without end", async () => {
    await make(2, { coolDownPeriodSec: 120, maxNumReplicas: 50 });
    await load({ cpuUtilization: 0.75 });
    await bed.clock.advance(MINUTE);
    expect(await size()).toBe(2);
    await bed.clock.advance(MINUTE + 5_000);
    expect(await size()).toBe(3);
    await bed.clock.advance(MINUTE);
    expect(await size()).toBe(3);
    await bed.clock.advance(2 * MINUTE);
    expect(await size()).toBeGreaterThan(3);
  });

  test("shrinks only when the load was low for ten minutes, then at once", async () => {
    await make(2, { coolDownPeriodSec: 0 });
    await load({ size: 8 });
    await bed.clock.advance(5_000);
    expect(await size()).toBe(8);
    await load({ size: 3 });
    await bed.clock.advance(9.5 * MINUTE);
    expect(await size()).toBe(8);
    await bed.clock.advance(MINUTE);
    expect(await size()).toBe(3);
  });

  test("keeps the peak for as long as the policy says", async () => {
    await make(2, { stabilizationPeriodSec: 120 });
    await load({ size: 8 });
    await bed.clock.advance(5_000);
    await load({ size: 3 });
    await bed.clock.advance(2 * MINUTE + 5_000);
    expect(await size()).toBe(3);
  });

  test("under scale-in control takes no more than allowed off the peak of the window", async () => {
    await make(2, {
      stabilizationPeriodSec: 60,
      scaleInControl: { maxScaledInReplicas: { fixed: 2 }, timeWindowSec: 300 },
    });
    await load({ size: 9 });
    await bed.clock.advance(5_000);
    expect(await size()).toBe(9);
    await load({ size: 1 });
    await bed.clock.advance(2 * MINUTE);
    expect(await size()).toBe(7);
    await bed.clock.advance(2 * MINUTE);
    expect(await size()).toBe(7);
    await bed.clock.advance(4 * MINUTE);
    expect(await size()).toBe(5);
    await bed.clock.advance(30 * MINUTE);
    expect(await size()).toBe(1);
  });

  test("takes a share of the peak off, when the control is a share", async () => {
    await make(2, {
      stabilizationPeriodSec: 0,
      scaleInControl: { maxScaledInReplicas: { percent: 50 }, timeWindowSec: 300 },
    });
    await load({ size: 9 });
    await bed.clock.advance(5_000);
    await load({ size: 1 });
    await bed.clock.advance(5_000);
    expect(await size()).toBe(5);
  });

  test("sets a size changed by hand back to what the load asks for", async () => {
    await make(2);
    await load({ size: 4 });
    await bed.clock.advance(5_000);
    expect((await bed.call("POST", `${groupUrl()}/resize?size=1`)).status).toBe(200);
    expect(await size()).toBe(1);
    await bed.clock.advance(2_000);
    expect(await size()).toBe(4);
  });

  test("recommends also when it is off, and says so, but moves nothing", async () => {
    await make(2, { mode: "OFF" });
    await load({ size: 6 });
    await bed.clock.advance(5_000);
    expect(await bed.get(WEB)).toMatchObject({ recommendedSize: 6, statusDetails: [{ type: "MODE_OFF" }] });
    expect(await size()).toBe(2);
    expect(events("resize").map((e) => e.protoPayload?.metadata)).toMatchObject([
      { oldSize: "2", newSize: "6", autoscalingMode: "OFF" },
    ]);
  });

  test("tells of a resize in the form of the documented entry, once", async () => {
    await make(2);
    const { id } = await bed.get<{ id: string }>(WEB);
    const manager = await bed.get<Group>(groupUrl());
    await load({ size: 5 });
    await bed.clock.advance(MINUTE);
    const [entry, ...others] = events("resize");
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      logName: "projects/acme/logs/cloudaudit.googleapis.com%2Fsystem_event",
      severity: "INFO",
      resource: {
        type: "autoscaler",
        labels: {
          project_id: "acme",
          autoscaler_id: id,
          autoscaler_name: "web",
          instance_group_manager_id: manager.id,
          instance_group_manager_name: "web",
          location: "us-central1-a",
        },
      },
      protoPayload: {
        serviceName: "compute.googleapis.com",
        resourceName: "projects/acme/zones/us-central1-a/autoscalers/web",
        metadata: {
          "@type": "type.googleapis.com/autoscaler.AutoscalerSizeChangeExplanation",
          oldSize: "2",
          newSize: "5",
          autoscalingMode: "ON",
          autoscalingReason: { scalingSignal: { cpuUtilization: {} }, scalingLimit: {} },
        },
      },
    });
    expect(entry?.operation).toBeUndefined();
    expect(entry?.protoPayload?.authenticationInfo).toBeUndefined();
  });

  test("says what stands in its way, and tells of every change of it", async () => {
    await make(2, { maxNumReplicas: 4 });
    await load({ size: 9 });
    await bed.clock.advance(5_000);
    expect(await types()).toEqual(["CAPPED_AT_MAX_NUM_REPLICAS"]);
    await load({ size: 4 });
    await bed.clock.advance(5_000);
    expect(await types()).toEqual([]);
    expect(events("changeStatus").map((e) => [e.severity, e.protoPayload?.metadata])).toMatchObject([
      ["WARNING", { oldStatus: { details: [] }, newStatus: { details: [{ type: "CAPPED_AT_MAX_NUM_REPLICAS" }] } }],
      ["INFO", { newStatus: { details: [] } }],
    ]);
    await bed.patch("/emulator/limits", { exhaustedZones: ["us-central1-a"] });
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: (await members(bed)).map((m) => m.instance) });
    await bed.clock.advance(5_000);
    expect((await types()).sort()).toEqual(["ALL_INSTANCES_UNHEALTHY", "ZONE_RESOURCE_STOCKOUT"]);
  });

  test("is patched in part and updated whole", async () => {
    await make(2, { coolDownPeriodSec: 90 });
    await bed.patch(`${AUTOSCALERS}?autoscaler=web`, { autoscalingPolicy: { maxNumReplicas: 4 } });
    expect(await bed.get(WEB)).toMatchObject({
      autoscalingPolicy: { maxNumReplicas: 4, minNumReplicas: 1, coolDownPeriodSec: 90 },
    });
    const whole = { name: "web", autoscalingPolicy: { maxNumReplicas: 6 } };
    expect(await bed.call("PUT", AUTOSCALERS, whole)).toMatchObject({ status: 200 });
    expect(await bed.get(WEB)).toMatchObject({
      autoscalingPolicy: { maxNumReplicas: 6, minNumReplicas: 2, coolDownPeriodSec: 60 },
    });
  });

  test("holds its group until it is deleted; then the group stays as it is", async () => {
    await make(2);
    expect(await bed.call("DELETE", groupUrl())).toMatchObject({
      status: 400,
      body: {
        error: {
          errors: [{ reason: "resourceInUseByAnotherResource" }],
          message:
            "The instance_group_manager resource 'projects/acme/zones/us-central1-a/instanceGroupManagers/web' is already being used by 'projects/acme/zones/us-central1-a/autoscalers/web'",
        },
      },
    });
    expect((await bed.call("DELETE", WEB)).status).toBe(200);
    await load({ size: 9 });
    await bed.clock.advance(MINUTE);
    expect(await size()).toBe(2);
    expect((await bed.call("GET", WEB)).status).toBe(404);
    expect((await bed.call("DELETE", groupUrl())).status).toBe(200);
  });

  test("goes on after a restart of the emulator, with what it remembers", async () => {
    await make(2);
    await load({ size: 6 });
    await bed.clock.advance(5_000);
    await load({ size: 1 });
    const state: unknown = JSON.parse(JSON.stringify(bed.save()));
    const now = bed.clock.now();
    await bed.close();
    bed = await startBed({ state, seed: "after" });
    await bed.clock.advance(now - bed.clock.now());
    await bed.clock.advance(5 * MINUTE);
    expect(await size()).toBe(6);
    await bed.clock.advance(6 * MINUTE);
    expect(await size()).toBe(1);
  });

  test("of a regional group lives in the region", async () => {
    await group(bed, 1);
    const region = `${ORIGIN}/${PROJECT}/regions/us-central1`;
    await bed.post(`${region}/instanceGroupManagers`, {
      name: "wide",
      targetSize: 3,
      versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/one` }],
    });
    const target = `regions/us-central1/instanceGroupManagers/wide`;
    const operation = await bed.post(`${region}/autoscalers`, body({}, { name: "wide", target }));
    expect(operation).toMatchObject({ region: expect.stringContaining("regions/us-central1") });
    await load({ size: 6 }, `projects/${PROJECT}/${target}`);
    await bed.clock.advance(5_000);
    expect(await bed.get(`${region}/instanceGroupManagers/wide`)).toMatchObject({ targetSize: 6 });
    expect(await bed.get(`${region}/autoscalers`)).toMatchObject({ kind: "compute#regionAutoscalerList" });
  });
});

describe("what an autoscaler cannot be", () => {
  const policy = (more: Json) => body(more);
  const rows: [string, Json, number, string, RegExp][] = [
    ["of no group", body({}, { target: undefined }), 400, "required", /Required field 'resource.target' not specified/],
    [
      "of a group that is not there",
      body({}, { target: "zones/us-central1-a/instanceGroupManagers/none" }),
      404,
      "notFound",
      /instanceGroupManagers\/none' was not found/,
    ],
    [
      "of a group elsewhere",
      body({}, { target: "zones/us-central1-b/instanceGroupManagers/web" }),
      400,
      "invalid",
      /same zone or region/,
    ],
    [
      "of what is no group",
      body({}, { target: "zones/us-central1-a/instances/web" }),
      400,
      "invalid",
      /The URL is malformed/,
    ],
    [
      "without a most",
      { name: "web", target: "zones/us-central1-a/instanceGroupManagers/web", autoscalingPolicy: {} },
      400,
      "required",
      /maxNumReplicas' not specified/,
    ],
    ["with more least than most", policy({ minNumReplicas: 11 }), 400, "invalid", /must not be lower than/],
    ["with less than nothing", policy({ minNumReplicas: -1 }), 400, "invalid", /greater than or equal to 0/],
    [
      "in a mode that is none",
      policy({ mode: "DOWN" }),
      400,
      "invalid",
      /Must be one of \[ON, OFF, ONLY_SCALE_OUT, ONLY_UP\]/,
    ],
    [
      "for more than all processors",
      policy({ cpuUtilization: { utilizationTarget: 60 } }),
      400,
      "invalid",
      /less than or equal to 1/,
    ],
    [
      "by a metric",
      policy({ customMetricUtilizations: [{ metric: "queue" }] }),
      501,
      "notImplemented",
      /customMetricUtilizations is not emulated/,
    ],
    [
      "by a forecast",
      policy({ cpuUtilization: { predictiveMethod: "OPTIMIZE_AVAILABILITY" } }),
      501,
      "notImplemented",
      /OPTIMIZE_AVAILABILITY is not emulated/,
    ],
    [
      "by a timetable",
      policy({ scalingSchedules: { day: { schedule: "0 8 * * *" } } }),
      501,
      "notImplemented",
      /scalingSchedules is not emulated/,
    ],
    ["with a field that does not exist", policy({ speed: 3 }), 400, "badRequest", /Unknown name "speed"/],
    ["without a name", body({}, { name: undefined }), 400, "required", /Required field 'resource.name'/],
  ];
  test.each(rows)("%s", async (_what, wanted, status, reason, message) => {
    await group(bed, 1);
    const reply = await bed.call<{ error: { message: string; errors: Json[] } }>("POST", AUTOSCALERS, wanted);
    expect(reply).toMatchObject({ status, body: { error: { errors: [{ reason }] } } });
    expect(reply.body.error.message).toMatch(message);
  });

  test("the second of a group, or another's name", async () => {
    await make(1);
    expect(await bed.call("POST", AUTOSCALERS, body({}, { name: "other" }))).toMatchObject({
      status: 400,
      body: { error: { errors: [{ reason: "resourceInUseByAnotherResource" }] } },
    });
    expect(await bed.call("POST", AUTOSCALERS, body())).toMatchObject({ status: 409 });
  });

  test("patched without a name, or towards another group", async () => {
    await make(1);
    expect(await bed.call("PATCH", AUTOSCALERS, { autoscalingPolicy: {} })).toMatchObject({
      status: 400,
      body: { error: { message: "Required field 'autoscaler' not specified" } },
    });
    const away = { target: "zones/us-central1-a/instanceGroupManagers/none" };
    expect((await bed.call("PATCH", `${AUTOSCALERS}?autoscaler=web`, away)).status).toBe(404);
  });

  test("a load that is none", async () => {
    await make(1);
    for (const signal of [{}, { cpu: 1 }, { cpuUtilization: -1 }, { size: 1.5 }, { size: 1, cpuUtilization: 1 }])
      expect((await load(signal)).status).toBe(400);
    expect((await load({ size: 1 }, "none")).status).toBe(404);
    expect(await bed.call("GET", "/emulator/load/web")).toMatchObject({ status: 200 });
    await load({ size: 3 });
    expect(await bed.get("/emulator/load/web")).toMatchObject({ size: 3 });
    expect((await bed.call("DELETE", "/emulator/load/web")).status).toBe(200);
    expect(await bed.get("/emulator/load/web")).not.toHaveProperty("size");
  });
});
