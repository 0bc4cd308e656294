import { BackendServicesClient, HealthChecksClient, RegionBackendServicesClient } from "@google-cloud/compute";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { last, refusal } from "./compute.ts";
import { type Groups, openGroups } from "./groups.ts";
import { until } from "./place.ts";

/** Refusals carry the codes that the client makes of HTTP ones: 3 of 400, 5 of 404, 9 of 412. */
describe("backend services", () => {
  let groups: Groups;
  let client: BackendServicesClient;
  let checks: HealthChecksClient;
  let project: string;
  beforeAll(async () => {
    groups = await openGroups("zonal");
    client = groups.cloud.client(BackendServicesClient);
    checks = groups.cloud.client(HealthChecksClient);
    ({ project } = groups.cloud);
  });
  afterAll(() => groups.cloud.close());

  const healthCheck = async (what: string): Promise<string> => {
    const name = groups.cloud.name(`${what}-hc`);
    const healthCheckResource = {
      name,
      type: "TCP",
      checkIntervalSec: 1,
      timeoutSec: 1,
      healthyThreshold: 1,
      tcpHealthCheck: { port: 22 },
    };
    groups.cloud.later(name, () => groups.cloud.done(checks.delete({ project, healthCheck: name })));
    await groups.cloud.done(checks.insert({ project, healthCheckResource }));
    return (await checks.get({ project, healthCheck: name }))[0].selfLink ?? "";
  };

  const create = async (what: string, size = 1) => {
    const group = await groups.create(what, size);
    const { instanceGroup } = await groups.get(group);
    const check = await healthCheck(what);
    const name = groups.cloud.name(`${what}-bs`);
    const backendServiceResource = {
      name,
      protocol: "HTTP",
      healthChecks: [check],
      backends: [{ group: instanceGroup ?? "" }],
      connectionDraining: { drainingTimeoutSec: 1 },
    };
    groups.cloud.later(name, () => groups.cloud.done(client.delete({ project, backendService: name })));
    await groups.cloud.done(client.insert({ project, backendServiceResource }));
    return { name, group, check, instanceGroup: instanceGroup ?? "" };
  };
  const get = async (backendService: string) => (await client.get({ project, backendService }))[0];

  test("one is as it was made, with defaults for the rest", async () => {
    const { name, group, check } = await create("made");
    const service = await get(name);
    expect(service).toMatchObject({
      kind: "compute#backendService",
      name,
      protocol: "HTTP",
      portName: "http",
      loadBalancingScheme: "EXTERNAL",
      sessionAffinity: "NONE",
      timeoutSec: 30,
      connectionDraining: { drainingTimeoutSec: 1 },
      backends: [{ balancingMode: "UTILIZATION", capacityScaler: 1 }],
    });
    expect(last(service.backends?.[0]?.group)).toBe(group);
    expect(last(service.healthChecks?.[0])).toBe(last(check));
  });

  test("a patch changes what it names, and an update must know what it changes", async () => {
    const { name } = await create("change");
    const before = await get(name);
    await groups.cloud.done(
      client.patch({ project, backendService: name, backendServiceResource: { timeoutSec: 12, description: "slow" } }),
    );
    const after = await get(name);
    expect(after).toMatchObject({ timeoutSec: 12, description: "slow", protocol: "HTTP" });
    const stale = { ...after, fingerprint: before.fingerprint ?? "" };
    const update = (backendServiceResource: object) =>
      groups.cloud.done(client.update({ project, backendService: name, backendServiceResource }));
    expect(await refusal(update(stale))).toMatchObject({ code: 9 });
    await update({ ...after, description: "steady" });
    expect(await get(name)).toMatchObject({ timeoutSec: 12, description: "steady" });
  });

  test("the machines of its groups have a health", async () => {
    const { name, group, instanceGroup } = await create("health", 2);
    const health = async () => {
      const [{ healthStatus }] = await client.getHealth({
        project,
        backendService: name,
        resourceGroupReferenceResource: { group: instanceGroup },
      });
      return healthStatus ?? [];
    };
    const found = await until(health, (all) => all.length === 2);
    const machines = (await groups.members(group)).map((machine) => machine.name).sort();
    expect(found.map(({ instance }) => last(instance)).sort()).toEqual(machines);
    for (const { healthState, ipAddress } of found) {
      expect(healthState).toMatch(/^(HEALTHY|UNHEALTHY)$/);
      expect(ipAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    }
  });

  test("what it uses cannot be deleted, and what is not there cannot be used", async () => {
    const { name, group, check } = await create("used");
    expect(await refusal(groups.cloud.done(checks.delete({ project, healthCheck: last(check) })))).toMatchObject({
      code: 3,
      message: expect.stringContaining(`/backendServices/${name}'`),
    });
    const backendServiceResource = {
      name: groups.cloud.name("lost-bs"),
      healthChecks: [check.replace(last(check), "none")],
      backends: [],
    };
    expect(await refusal(groups.cloud.done(client.insert({ project, backendServiceResource })))).toMatchObject({
      code: 5,
    });
    expect((await groups.get(group)).name).toBe(group);
  });

  test("a regional one is listed in its region", async () => {
    const regional = groups.cloud.client(RegionBackendServicesClient);
    const region = groups.cloud.region;
    const check = await healthCheck("inner");
    const name = groups.cloud.name("inner-bs");
    const where = { project, region };
    groups.cloud.later(name, () => groups.cloud.done(regional.delete({ ...where, backendService: name })));
    await groups.cloud.done(
      regional.insert({
        ...where,
        backendServiceResource: { name, loadBalancingScheme: "INTERNAL", protocol: "TCP", healthChecks: [check] },
      }),
    );
    const [found] = await regional.list({ ...where, filter: `name eq ${name}` });
    expect(found.map(({ name: listed, region: at }) => [listed, last(at)])).toEqual([[name, region]]);
  });
});
