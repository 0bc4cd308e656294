import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HealthProbe } from "../../../emulator/machines/machines.ts";
import {
  type Bed,
  GLOBAL,
  group,
  groupUrl,
  type Json,
  type Managed,
  members,
  ORIGIN,
  PROJECT,
  settle,
  startBed,
  template,
  templateUrl,
  ZONAL,
  ZONE,
} from "./bed.ts";

const REGIONAL = `${ORIGIN}/${PROJECT}/regions/us-central1`;
const SERVICES = `${GLOBAL}/backendServices`;
const WEB = `${SERVICES}/web`;
const plain = (name = "web") => `projects/${PROJECT}/zones/${ZONE}/instanceGroups/${name}`;
const check = (name = "alive") => `projects/${PROJECT}/global/healthChecks/${name}`;

interface Failed {
  error: { code: number; message: string; errors: { reason: string }[] };
}
interface Service extends Json {
  fingerprint: string;
  backends: (Json & { group: string })[];
}
interface Health {
  kind: string;
  healthStatus?: { instance: string; ipAddress: string; port: number; healthState: string }[];
}

let bed: Bed;
const done = () => bed.clock.advance(1000);

async function healthCheck(name = "alive", more: Json = {}): Promise<void> {
  await bed.post(`${GLOBAL}/healthChecks`, {
    name,
    type: "HTTP",
    httpHealthCheck: { port: 8080, requestPath: "/alive" },
    ...more,
  });
  await done();
}

async function service(more: Json = {}): Promise<Service> {
  await bed.post(SERVICES, {
    name: "web",
    protocol: "HTTP",
    healthChecks: [check()],
    backends: [{ group: plain() }],
    ...more,
  });
  await done();
  return bed.get<Service>(WEB);
}

const health = (name = "web") => bed.post<Health>(`${WEB}/getHealth`, { group: plain(name) });
const states = async () => ((await health()).healthStatus ?? []).map(({ healthState }) => healthState);

interface Serving {
  backendServices: { serving: { instance: string }[]; draining: { instance: string }[] }[];
}
const serving = async () => (await bed.get<Serving>("/emulator/backends")).backendServices[0];

beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

describe("a backend service", () => {
  test("is shown with the defaults of the real one", async () => {
    await group(bed, 1);
    await healthCheck();
    const shown = await service();
    expect(shown).toMatchObject({
      kind: "compute#backendService",
      name: "web",
      affinityCookieTtlSec: 0,
      connectionDraining: { drainingTimeoutSec: 0 },
      enableCDN: false,
      loadBalancingScheme: "EXTERNAL",
      port: 80,
      portName: "http",
      protocol: "HTTP",
      sessionAffinity: "NONE",
      timeoutSec: 30,
      healthChecks: [`${bed.url}/compute/v1/${check()}`],
      selfLink: `${bed.url}${WEB}`,
      backends: [
        {
          group: `${bed.url}/compute/v1/${plain()}`,
          balancingMode: "UTILIZATION",
          maxUtilization: 0.8,
          capacityScaler: 1,
        },
      ],
    });
    expect(shown.region).toBeUndefined();
  });

  test("is listed where it is, and by all scopes together", async () => {
    await group(bed, 1);
    await healthCheck();
    await service();
    await bed.post(`${REGIONAL}/backendServices`, {
      name: "inner",
      loadBalancingScheme: "INTERNAL",
      healthChecks: [check()],
      backends: [{ group: plain() }].slice(1),
    });
    const names = async (path: string) =>
      ((await bed.get<{ items?: { name: string }[] }>(path)).items ?? []).map(({ name }) => name);
    expect(await names(SERVICES)).toEqual(["web"]);
    expect(await names(`${SERVICES}/listUsable`)).toEqual(["web"]);
    expect(await names(`${REGIONAL}/backendServices`)).toEqual(["inner"]);
    expect(await bed.get(`${REGIONAL}/backendServices/inner`)).toMatchObject({
      region: `${bed.url}${REGIONAL}`,
      protocol: "TCP",
    });
    const all = await bed.get<{ items: Record<string, { backendServices?: { name: string }[] }> }>(
      `${ORIGIN}/${PROJECT}/aggregated/backendServices`,
    );
    expect(all.items.global?.backendServices?.map(({ name }) => name)).toEqual(["web"]);
    expect(all.items["regions/us-central1"]?.backendServices?.map(({ name }) => name)).toEqual(["inner"]);
  });

  test("a patch merges, an update replaces, both by the fingerprint", async () => {
    await group(bed, 1);
    await healthCheck();
    const { fingerprint } = await service({ description: "front", timeoutSec: 10 });
    const stale = await bed.call<Failed>("PATCH", WEB, { timeoutSec: 20, fingerprint: "c3RhbGU=" });
    expect([stale.status, stale.body.error.errors[0]?.reason]).toEqual([412, "conditionNotMet"]);
    await bed.patch(WEB, { connectionDraining: { drainingTimeoutSec: 60 }, fingerprint });
    const patched = await bed.get<Service>(WEB);
    expect(patched).toMatchObject({
      description: "front",
      timeoutSec: 10,
      connectionDraining: { drainingTimeoutSec: 60 },
    });
    expect(patched.fingerprint).not.toBe(fingerprint);
    const blind = await bed.call<Failed>("PUT", WEB, { name: "web", healthChecks: [check()] });
    expect(blind.status).toBe(412);
    const { description: _, ...rest } = patched;
    expect((await bed.call("PUT", WEB, { ...rest, backends: [] })).status).toBe(200);
    const updated = await bed.get<Service>(WEB);
    expect([updated.description, updated.backends, updated.timeoutSec]).toEqual([undefined, undefined, 10]);
  });

  test("keeps its health check, its groups and their names from being deleted", async () => {
    await group(bed, 1);
    await healthCheck();
    await service();
    const message = async (path: string) => {
      const { status, body } = await bed.call<Failed>("DELETE", path);
      return [status, body.error.errors[0]?.reason, body.error.message];
    };
    const used = `is already being used by 'projects/${PROJECT}/global/backendServices/web'`;
    expect(await message(`${GLOBAL}/healthChecks/alive`)).toEqual([
      400,
      "resourceInUseByAnotherResource",
      `The health_check resource '${check()}' ${used}`,
    ]);
    expect(await message(groupUrl())).toEqual([
      400,
      "resourceInUseByAnotherResource",
      `The instance_group_manager resource 'projects/${PROJECT}/zones/${ZONE}/instanceGroupManagers/web' ${used}`,
    ]);
    expect((await bed.call("DELETE", WEB)).status).toBe(200);
    await done();
    expect((await bed.call("GET", WEB)).status).toBe(404);
    expect((await bed.call("DELETE", groupUrl())).status).toBe(200);
  });

  test("writes two audit entries for a change, and names what is not served", async () => {
    await group(bed, 1);
    await healthCheck();
    await service();
    const entries = bed.entries.filter(
      ({ protoPayload }) => protoPayload?.methodName === "v1.compute.backendServices.insert",
    );
    expect(entries.map(({ operation, resource }) => [operation?.first, operation?.last, resource?.type])).toEqual([
      [true, undefined, "gce_backend_service"],
      [undefined, true, "gce_backend_service"],
    ]);
    const unknown = await bed.call<Failed>("POST", `${WEB}/addSignedUrlKey`, {});
    expect([unknown.status, unknown.body.error.message]).toEqual([
      501,
      expect.stringContaining("compute.backendServices.addSignedUrlKey"),
    ]);
    expect((await bed.call("GET", `${REGIONAL}/targetPools`)).status).toBe(501);
  });
});

describe("what a backend service cannot be", () => {
  const inner = { loadBalancingScheme: "INTERNAL", protocol: "TCP" };
  const backend = (more: Json) => ({ backends: [{ group: plain(), ...more }] });
  test.each<[rule: string, path: string, body: Json, status: number, message: string | RegExp]>([
    ["a scheme of regional services", SERVICES, { loadBalancingScheme: "INTERNAL" }, 400, /loadBalancingScheme/],
    ["a protocol of other schemes", SERVICES, { protocol: "UDP" }, 400, /resource.protocol': 'UDP'/],
    [
      "draining for more than an hour",
      SERVICES,
      { connectionDraining: { drainingTimeoutSec: 3601 } },
      400,
      /between 0 and 3600/,
    ],
    ["two health checks", SERVICES, { healthChecks: [check(), check("other")] }, 400, /At most one/],
    [
      "a health check that is not there",
      SERVICES,
      { healthChecks: [check("none")] },
      404,
      `The resource '${check("none")}' was not found`,
    ],
    ["groups without a health check", SERVICES, { healthChecks: [] }, 400, /health check is required/],
    [
      "a group that is not there",
      SERVICES,
      backend({ group: plain("none") }),
      404,
      `The resource '${plain("none")}' was not found`,
    ],
    ["a group manager", SERVICES, backend({ group: plain().replace("Groups", "GroupManagers") }), 400, /malformed/],
    [
      "a group twice",
      SERVICES,
      { backends: [{ group: plain() }, { group: plain() }] },
      400,
      /Duplicate instance groups/,
    ],
    [
      "RATE without a rate",
      SERVICES,
      backend({ balancingMode: "RATE" }),
      400,
      /maxRate or maxRatePerInstance must be set/,
    ],
    [
      "CONNECTION for HTTP",
      SERVICES,
      backend({ balancingMode: "CONNECTION", maxConnections: 5 }),
      400,
      /not supported for protocol HTTP/,
    ],
    [
      "a capacity between nothing and a tenth",
      SERVICES,
      backend({ capacityScaler: 0.05 }),
      400,
      /0.0 or between 0.1 and 1.0/,
    ],
    ["no capacity at all", SERVICES, backend({ capacityScaler: 0 }), 400, /only one backend/],
    ["more than full use", SERVICES, backend({ maxUtilization: 1.5 }), 400, /maxUtilization/],
    [
      "another mode than CONNECTION inside",
      `${REGIONAL}/backendServices`,
      { ...inner, ...backend({ balancingMode: "UTILIZATION" }) },
      400,
      "Invalid value for field 'resource.backends[0].balancingMode': 'UTILIZATION'. Balancing mode must be CONNECTION for an INTERNAL backend service.",
    ],
    [
      "a port name inside",
      `${REGIONAL}/backendServices`,
      { ...inner, backends: [], portName: "http" },
      400,
      /portName/,
    ],
    [
      "a group of another region",
      `${ORIGIN}/${PROJECT}/regions/europe-west4/backendServices`,
      inner,
      400,
      /must be in region 'europe-west4'/,
    ],
    ["a cache", SERVICES, { enableCDN: true }, 501, /enableCDN/],
    [
      "endpoints of a network",
      SERVICES,
      backend({ group: plain().replace("instance", "networkEndpoint") }),
      501,
      /network endpoint groups/,
    ],
    ["an unknown field", SERVICES, { colour: "blue" }, 400, /Unknown name "colour"/],
  ])("%s", async (_, path, body, status, message) => {
    await group(bed, 1);
    await healthCheck();
    await healthCheck("other");
    const reply = await bed.call<Failed>("POST", path, {
      name: "web",
      healthChecks: [check()],
      backends: [{ group: plain() }],
      ...body,
    });
    expect(reply.status).toBe(status);
    expect(reply.body.error.message).toEqual(typeof message === "string" ? message : expect.stringMatching(message));
    expect((await bed.call("GET", `${path}/web`)).status).toBe(404);
  });

  test("one group by use here and by rate there", async () => {
    await group(bed, 1);
    await healthCheck();
    await service();
    const reply = await bed.call<Failed>("POST", SERVICES, {
      name: "second",
      healthChecks: [check()],
      backends: [{ group: plain(), balancingMode: "RATE", maxRatePerInstance: 10 }],
    });
    expect([reply.status, reply.body.error.message]).toEqual([
      400,
      expect.stringMatching(/incompatible balancing_mode/),
    ]);
  });
});

describe("health of backends", () => {
  test("is what the service's own check finds after its thresholds", async () => {
    const probes: HealthProbe[] = [];
    await group(bed, 2, { namedPorts: [{ name: "http", port: 8081 }] });
    await healthCheck("alive", { checkIntervalSec: 10, healthyThreshold: 2, unhealthyThreshold: 3 });
    bed.health = (_, probe) => {
      probes.push(probe);
      return "HEALTHY";
    };
    await service();
    expect(await states()).toEqual(["UNHEALTHY", "UNHEALTHY"]);
    await bed.clock.advance(10_000);
    const [first] = (await health()).healthStatus ?? [];
    expect(await health()).toMatchObject({ kind: "compute#backendServiceGroupHealth" });
    expect(first).toEqual({
      healthState: "HEALTHY",
      instance: expect.stringMatching(new RegExp(`^${bed.url}/compute/v1/projects/acme/zones/${ZONE}/instances/web-`)),
      ipAddress: expect.stringMatching(/^127\./),
      port: 8081,
    });
    expect(probes[0]).toMatchObject({
      type: "HTTP",
      port: 8080,
      requestPath: "/alive",
      timeoutMs: 5000,
      check: "alive",
    });
    const ill = first?.instance.split("/").at(-1);
    bed.health = ({ name }) => (name === ill ? "UNHEALTHY" : "HEALTHY");
    await bed.clock.advance(20_000);
    expect(await states()).toEqual(["HEALTHY", "HEALTHY"]);
    await bed.clock.advance(10_000);
    expect((await states()).sort()).toEqual(["HEALTHY", "UNHEALTHY"]);
    expect((await serving())?.serving).toHaveLength(1);
  });

  test("may differ from the group's autohealing, which does nothing then", async () => {
    await healthCheck("healing");
    await group(bed, 2, { autoHealingPolicies: [{ healthCheck: check("healing"), initialDelaySec: 0 }] });
    await healthCheck();
    const before = (await members(bed)).map(({ id }) => id);
    bed.health = (_, probe) => (probe.check === "healing" ? "HEALTHY" : "UNHEALTHY");
    await service();
    await bed.clock.advance(60_000);
    expect(await states()).toEqual(["UNHEALTHY", "UNHEALTHY"]);
    expect((await members(bed)).map(({ id, currentAction }) => [id, currentAction])).toEqual(
      before.map((id) => [id, "NONE"]),
    );
  });

  test.each([
    ["the port that is served on", { portSpecification: "USE_SERVING_PORT" }, 9090],
    ["a port by its name", { portSpecification: "USE_NAMED_PORT", portName: "admin" }, 9091],
    ["a port by its number", { port: 9092 }, 9092],
  ])("is asked for at %s", async (_, httpHealthCheck, port) => {
    const asked = new Set<number>();
    await group(bed, 1, {
      namedPorts: [
        { name: "http", port: 9090 },
        { name: "admin", port: 9091 },
      ],
    });
    await healthCheck("alive", { httpHealthCheck });
    bed.health = (_, probe) => {
      asked.add(probe.port);
      return "HEALTHY";
    };
    await service();
    await bed.clock.advance(10_000);
    expect([...asked]).toEqual([port]);
    expect(await states()).toEqual(["HEALTHY"]);
  });

  test("a port without a number is never healthy, until setNamedPorts gives it one", async () => {
    await group(bed, 1);
    await healthCheck("alive", { httpHealthCheck: { portSpecification: "USE_SERVING_PORT" } });
    await service();
    await bed.clock.advance(30_000);
    expect(await states()).toEqual(["UNHEALTHY"]);
    const at = `${ZONAL}/instanceGroups/web`;
    const { fingerprint } = await bed.get<{ fingerprint: string }>(at);
    const stale = await bed.call("POST", `${at}/setNamedPorts`, { namedPorts: [], fingerprint: "c3RhbGU=" });
    expect(stale.status).toBe(412);
    await bed.post(`${at}/setNamedPorts`, { namedPorts: [{ name: "http", port: 8080 }], fingerprint });
    await bed.clock.advance(10_000);
    expect(await states()).toEqual(["HEALTHY"]);
    expect(await bed.get(at)).toMatchObject({ namedPorts: [{ name: "http", port: 8080 }] });
    expect(await bed.get(groupUrl())).toMatchObject({ namedPorts: [{ name: "http", port: 8080 }] });
    expect(await bed.post(`${at}/listInstances`, { instanceState: "RUNNING" })).toMatchObject({
      items: [{ status: "RUNNING", namedPorts: [{ name: "http", port: 8080 }] }],
    });
  });

  test("follows a check that is patched, and is written down when the check says so", async () => {
    await group(bed, 1);
    await healthCheck("alive", { checkIntervalSec: 100, logConfig: { enable: true } });
    await service();
    await bed.clock.advance(50_000);
    expect(await states()).toEqual(["UNHEALTHY"]);
    await bed.patch(`${GLOBAL}/healthChecks/alive`, {
      checkIntervalSec: 5,
      httpHealthCheck: { requestPath: "/ready" },
    });
    const paths = new Set<string>();
    bed.health = (_, { requestPath, port }) => {
      paths.add(`${port}${requestPath}`);
      return "HEALTHY";
    };
    await bed.clock.advance(5_000);
    expect([await states(), [...paths]]).toEqual([["HEALTHY"], ["8080/ready"]]);
    const written = bed.entries.filter(({ logName }) => logName.endsWith("compute.googleapis.com%2Fhealthchecks"));
    expect(written.map(({ resource, jsonPayload }) => [resource?.labels.instance_group_name, jsonPayload])).toEqual([
      [
        "web",
        {
          healthCheckProbeResult: expect.objectContaining({
            healthState: "HEALTHY",
            previousHealthState: "UNHEALTHY",
            healthCheckProtocol: "HTTP",
            targetPort: 8080,
          }),
        },
      ],
    ]);
  });

  test("is refused for a group that is no backend, and empty without a check", async () => {
    await group(bed, 1);
    await healthCheck();
    await service({ backends: [] });
    const reply = await bed.call<Failed>("POST", `${WEB}/getHealth`, { group: plain() });
    expect([reply.status, reply.body.error.errors[0]?.reason]).toEqual([400, "invalid"]);
  });

  test("survives a restart of the emulator", async () => {
    await group(bed, 1);
    await healthCheck();
    await service();
    await bed.clock.advance(10_000);
    expect(await states()).toEqual(["HEALTHY"]);
    const state = structuredClone(bed.save());
    await bed.close();
    bed = await startBed({ state });
    expect(await states()).toEqual(["HEALTHY"]);
    bed.health = () => "UNHEALTHY";
    await bed.clock.advance(10_000);
    expect(await states()).toEqual(["UNHEALTHY"]);
  });
});

describe("draining", () => {
  const DRAIN = { connectionDraining: { drainingTimeoutSec: 60 } };
  const running = async () =>
    (await members(bed)).map(({ currentAction, instanceStatus }) => [currentAction, instanceStatus]);

  async function drained(more: Json = {}): Promise<Managed[]> {
    await group(bed, 2, { autoHealingPolicies: [], ...more });
    await healthCheck();
    await service(DRAIN);
    await bed.clock.advance(10_000);
    return members(bed);
  }

  test.each<[how: string, path: string, body: (first: string) => Json | undefined]>([
    ["a machine that is deleted", "deleteInstances", (instance) => ({ instances: [instance] })],
    ["a machine that is one too many", "resize?size=1", () => undefined],
  ])("keeps %s running for the time, out of its group", async (_, path, body) => {
    const [first] = await drained();
    await bed.post(`${groupUrl()}/${path}`, body(first?.instance ?? ""));
    await bed.clock.advance(1_000);
    expect((await running()).sort()).toEqual([
      ["DELETING", "RUNNING"],
      ["NONE", "RUNNING"],
    ]);
    expect([(await states()).length, (await serving())?.serving.length, (await serving())?.draining.length]).toEqual([
      1, 1, 1,
    ]);
    expect(await bed.post(`${ZONAL}/instanceGroups/web/listInstances`)).toMatchObject({
      items: [{ status: "RUNNING" }],
    });
    await bed.clock.advance(58_000);
    expect(await running()).toHaveLength(2);
    await bed.clock.advance(2_000);
    expect(await running()).toEqual([["NONE", "RUNNING"]]);
  });

  test("recreates a machine only after it", async () => {
    const [first] = await drained();
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: [first?.instance] });
    await bed.clock.advance(59_000);
    const leaves = (await members(bed)).find(({ name }) => name === first?.name);
    expect([leaves?.currentAction, leaves?.instanceStatus, leaves?.id]).toEqual(["RECREATING", "RUNNING", first?.id]);
    await bed.clock.advance(10_000);
    const made = (await members(bed)).find(({ name }) => name === first?.name);
    expect([made?.currentAction, made?.instanceStatus, made?.id === first?.id]).toEqual(["NONE", "RUNNING", false]);
  });

  test("lets a machine go only after it, still running", async () => {
    const [first] = await drained();
    await bed.post(`${groupUrl()}/abandonInstances`, { instances: [first?.instance] });
    await bed.clock.advance(59_000);
    expect((await running()).sort()).toEqual([
      ["ABANDONING", "RUNNING"],
      ["NONE", "RUNNING"],
    ]);
    await bed.clock.advance(2_000);
    expect(await running()).toHaveLength(1);
    expect(await bed.get(`${ZONAL}/instances/${first?.name}`)).toMatchObject({ status: "RUNNING" });
  });

  test("holds up a rolling update, one machine after the other", async () => {
    await drained();
    await template(bed, "two", "image-1");
    await bed.patch(groupUrl(), {
      versions: [{ instanceTemplate: templateUrl("two") }],
      updatePolicy: {
        type: "PROACTIVE",
        minimalAction: "REPLACE",
        maxSurge: { fixed: 1 },
        maxUnavailable: { fixed: 0 },
      },
    });
    const from = bed.clock.now();
    await settle(bed, "web", 300_000);
    expect(bed.clock.now() - from).toBeGreaterThan(120_000);
    expect(bed.clock.now() - from).toBeLessThan(140_000);
  });

  test("says DRAINING where a machine's health is shown", async () => {
    await healthCheck("healing");
    const [first] = await drained({ autoHealingPolicies: [{ healthCheck: check("healing"), initialDelaySec: 60 }] });
    await bed.post(`${groupUrl()}/deleteInstances`, { instances: [first?.instance] });
    await bed.clock.advance(1_000);
    const leaves = (await members(bed)).find(({ name }) => name === first?.name);
    expect(leaves?.instanceHealth?.[0]?.detailedHealthState).toBe("DRAINING");
  });

  test("takes the longest of several services, and none of a machine that is off", async () => {
    const [first, second] = await drained();
    await bed.post(SERVICES, {
      name: "slow",
      healthChecks: [check()],
      backends: [{ group: plain() }],
      connectionDraining: { drainingTimeoutSec: 120 },
    });
    await bed.post(`${groupUrl()}/deleteInstances`, { instances: [first?.instance] });
    await bed.clock.advance(119_000);
    expect(await running()).toHaveLength(2);
    await bed.clock.advance(2_000);
    expect(await running()).toHaveLength(1);
    await bed.patch(groupUrl(), { instanceLifecyclePolicy: { defaultActionOnFailure: "DO_NOTHING" } });
    await bed.post(`${ZONAL}/instances/${second?.name}/stop`);
    await bed.clock.advance(1_000);
    await bed.post(`${groupUrl()}/deleteInstances`, { instances: [second?.instance] });
    await bed.clock.advance(1_000);
    expect(await running()).toEqual([]);
  });

  test("goes on where it was when the emulator is restarted", async () => {
    const [first] = await drained();
    await bed.post(`${groupUrl()}/deleteInstances`, { instances: [first?.instance] });
    await bed.clock.advance(40_000);
    const state = structuredClone(bed.save());
    const now = bed.clock.now();
    await bed.close();
    bed = await startBed({ state });
    await bed.clock.advance(now - bed.clock.now() + 15_000);
    expect((await running()).map(([action]) => action).sort()).toEqual(["DELETING", "NONE"]);
    await bed.clock.advance(10_000);
    expect((await running()).map(([action]) => action)).toEqual(["NONE"]);
  });
});
