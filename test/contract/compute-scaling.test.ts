import { AutoscalersClient, HealthChecksClient, RegionAutoscalersClient } from "@google-cloud/compute";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { last, refusal } from "./compute.ts";
import { type Groups, openGroups } from "./groups.ts";
import { until } from "./place.ts";

describe.each([{ kind: "zonal" }, { kind: "regional" }] as const)("autoscalers of $kind groups", ({ kind }) => {
  let groups: Groups;
  let client: AutoscalersClient;
  beforeAll(async () => {
    groups = await openGroups(kind);
    client =
      kind === "zonal"
        ? groups.cloud.client(AutoscalersClient)
        : (groups.cloud.client(RegionAutoscalersClient) as unknown as AutoscalersClient);
  });
  afterAll(() => groups.cloud.close());

  const POLICY = {
    minNumReplicas: 1,
    maxNumReplicas: 3,
    coolDownPeriodSec: 60,
    cpuUtilization: { utilizationTarget: 0.6 },
  };
  const create = async (what: string, autoscalingPolicy: object = POLICY) => {
    const group = await groups.create(what, 1);
    const name = groups.cloud.name(`${what}-as`);
    const target = (await groups.get(group)).selfLink ?? "";
    groups.cloud.later(name, () => groups.cloud.done(client.delete({ ...groups.where, autoscaler: name })));
    const autoscalerResource = { name, target, autoscalingPolicy };
    await groups.cloud.done(client.insert({ ...groups.where, autoscalerResource }));
    return { name, group, target };
  };
  const get = async (autoscaler: string) => (await client.get({ ...groups.where, autoscaler }))[0];

  test("an autoscaler has its policy and its group", async () => {
    const { name, group } = await create("made");
    const autoscaler = await get(name);
    expect(autoscaler).toMatchObject({ name, autoscalingPolicy: POLICY, kind: "compute#autoscaler" });
    expect(last(autoscaler.target)).toBe(group);
    expect((await groups.get(group)).status?.autoscaler).toContain(`/autoscalers/${name}`);
  });

  test("a group is kept at the least size", async () => {
    const { group } = await create("least", { ...POLICY, minNumReplicas: 2 });
    await until(
      () => groups.get(group),
      ({ targetSize }) => targetSize === 2,
    );
  });

  test("a second autoscaler of a group is refused", async () => {
    const { target } = await create("second");
    const autoscalerResource = { name: groups.cloud.name("second-as"), target, autoscalingPolicy: POLICY };
    const insert = async () => groups.cloud.done(client.insert({ ...groups.where, autoscalerResource }));
    expect((await refusal(insert())).message).toMatch(/autoscal/i);
  });

  test("a patch changes what it names, an update all of it", async () => {
    const { name, target } = await create("change");
    const patch = {
      ...groups.where,
      autoscaler: name,
      autoscalerResource: { autoscalingPolicy: { maxNumReplicas: 4 } },
    };
    await groups.cloud.done(client.patch(patch));
    expect((await get(name)).autoscalingPolicy).toMatchObject({ ...POLICY, maxNumReplicas: 4 });
    const autoscalingPolicy = { minNumReplicas: 1, maxNumReplicas: 2, cpuUtilization: { utilizationTarget: 0.9 } };
    const autoscalerResource = { name, target, autoscalingPolicy };
    await groups.cloud.done(client.update({ ...groups.where, autoscaler: name, autoscalerResource }));
    expect((await get(name)).autoscalingPolicy).toMatchObject(autoscalingPolicy);
  });

  test.each([
    ["more at least than at most", { ...POLICY, minNumReplicas: 5 }],
    ["a use of the CPU beyond one", { ...POLICY, cpuUtilization: { utilizationTarget: 1.5 } }],
  ])("%s is refused", async (_, policy) => {
    expect((await refusal(create("bad", policy))).code).toBe(3);
  });

  test("autoscalers are listed by name", async () => {
    const { name } = await create("listed");
    const [found] = await client.list({ ...groups.where, filter: `name = ${name}` });
    expect(found.map((one) => one.name)).toEqual([name]);
    const [none] = await client.list({ ...groups.where, filter: "name = nobody" });
    expect(none).toEqual([]);
  });

  test("one that is not there is notFound", async () => {
    expect((await refusal(get(groups.cloud.name("absent")))).code).toBe(5);
  });
});

describe("health checks", () => {
  let groups: Groups;
  let checks: HealthChecksClient;
  beforeAll(async () => {
    groups = await openGroups("zonal");
    checks = groups.cloud.client(HealthChecksClient);
  });
  afterAll(() => groups.cloud.close());

  const create = async (what: string, more: object = {}) => {
    const { project, name: nameOf, later, done } = groups.cloud;
    const name = nameOf(what);
    later(name, () => done(checks.delete({ project, healthCheck: name })));
    const healthCheckResource = { name, type: "HTTP", httpHealthCheck: { port: 8080, requestPath: "/ready" }, ...more };
    await done(checks.insert({ project, healthCheckResource }));
    return name;
  };
  const get = async (healthCheck: string) => (await checks.get({ project: groups.cloud.project, healthCheck }))[0];

  test("a check has what it was made with, and the defaults", async () => {
    const check = await get(await create("made"));
    expect(check).toMatchObject({
      type: "HTTP",
      httpHealthCheck: { port: 8080, requestPath: "/ready" },
      checkIntervalSec: 5,
      timeoutSec: 5,
      healthyThreshold: 2,
      unhealthyThreshold: 2,
    });
  });

  test("a wait longer than the interval is refused", async () => {
    const refused = await refusal(create("slow", { checkIntervalSec: 5, timeoutSec: 6 }));
    expect([refused.code, refused.message]).toEqual([3, expect.stringMatching(/timeout/i)]);
  });

  test("checks are listed, and gone once deleted", async () => {
    const { project, done } = groups.cloud;
    const name = await create("listed");
    const [found] = await checks.list({ project, filter: `name = ${name}` });
    expect(found.map((one) => one.name)).toEqual([name]);
    await done(checks.delete({ project, healthCheck: name }));
    expect((await refusal(get(name))).code).toBe(5);
  });

  test("a check in use cannot be deleted, and one that is none cannot be used", async () => {
    const { project, done } = groups.cloud;
    const name = await create("used");
    const healthCheck = (await get(name)).selfLink ?? "";
    const group = await groups.create("heals", 0, { autoHealingPolicies: [{ healthCheck, initialDelaySec: 60 }] });
    expect((await groups.get(group)).autoHealingPolicies).toMatchObject([{ healthCheck, initialDelaySec: 60 }]);
    const refused = await refusal(done(checks.delete({ project, healthCheck: name })));
    expect(refused.message).toContain("is already being used by");
    const absent = `projects/${project}/global/healthChecks/none-at-all`;
    const bad = groups.create("unhealed", 0, { autoHealingPolicies: [{ healthCheck: absent }] });
    expect((await refusal(bad)).message).toContain("none-at-all");
  });
});
