import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Bed,
  GLOBAL,
  type Group,
  group,
  groupUrl,
  image,
  members,
  settle,
  startBed,
  template,
  templateUrl,
  versions,
  ZONAL,
} from "./bed.ts";

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

const policy = (more: object = {}) => ({
  type: "PROACTIVE",
  minimalAction: "REPLACE",
  maxSurge: { fixed: 1 },
  maxUnavailable: { fixed: 0 },
  ...more,
});

async function second(): Promise<void> {
  await image(bed, "image-2", { family: "web" });
  await template(bed, "two", "image-2");
}

async function healthCheck(more: object = {}): Promise<string> {
  await bed.post(`${GLOBAL}/healthChecks`, {
    name: "hc",
    type: "HTTP",
    checkIntervalSec: 1,
    timeoutSec: 1,
    healthyThreshold: 1,
    unhealthyThreshold: 2,
    httpHealthCheck: { port: 8080, requestPath: "/healthz" },
    ...more,
  });
  return "global/healthChecks/hc";
}

describe("an update", () => {
  test("replaces every machine under a new name, one more at a time at the most, and none missing", async () => {
    const before = await group(bed, 3, { updatePolicy: policy() });
    expect(before.status).toMatchObject({ isStable: true, versionTarget: { isReached: true } });
    const old = (await members(bed)).map(({ name }) => name);
    await second();
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two"), name: "r2" }] });
    let most = 0;
    let least = 3;
    for (;;) {
      const state = await bed.get<Group>(groupUrl());
      const all = await members(bed);
      most = Math.max(most, all.length);
      least = Math.min(least, all.filter((m) => m.currentAction === "NONE" && m.instanceStatus === "RUNNING").length);
      if (state.status.isStable) break;
      expect(state.status.versionTarget.isReached).toBe(false);
      await bed.clock.advance(50);
    }
    expect({ most, least }).toEqual({ most: 4, least: 3 });
    expect(await versions(bed)).toEqual(["two", "two", "two"]);
    expect((await members(bed)).filter(({ name }) => old.includes(name))).toEqual([]);
    expect((await bed.get<Group>(groupUrl())).status.versionTarget.isReached).toBe(true);
  });

  test("that is opportunistic changes nothing, and says it has not reached its target", async () => {
    await group(bed, 2);
    await second();
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two") }] });
    await bed.clock.advance(10_000);
    expect(await versions(bed)).toEqual(["one", "one"]);
    expect((await bed.get<Group>(groupUrl())).status).toMatchObject({
      isStable: true,
      versionTarget: { isReached: false },
    });
  });

  test("with a canary of a fixed size changes so many and no more", async () => {
    await group(bed, 4, { updatePolicy: policy() });
    await second();
    await bed.patch(groupUrl(), {
      versions: [
        { instanceTemplate: templateUrl("one") },
        { instanceTemplate: templateUrl("two"), targetSize: { fixed: 1 } },
      ],
    });
    const state = await settle(bed);
    expect(await versions(bed)).toEqual(["one", "one", "one", "two"]);
    expect(state.versions.map(({ targetSize }) => targetSize)).toEqual([
      { calculated: 3 },
      { fixed: 1, calculated: 1 },
    ]);
  });

  test("in place keeps names and gives new ids", async () => {
    await group(bed, 2, {
      updatePolicy: policy({ replacementMethod: "RECREATE", maxSurge: { fixed: 0 }, maxUnavailable: { fixed: 1 } }),
    });
    const before = await members(bed);
    await second();
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two") }] });
    await settle(bed);
    const after = await members(bed);
    expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name));
    expect(after.some(({ id }) => before.some((m) => m.id === id))).toBe(false);
    expect(await versions(bed)).toEqual(["two", "two"]);
  });

  test("of the version's name alone replaces everything, as rolling-action replace does", async () => {
    await group(bed, 2, { updatePolicy: policy() });
    const before = (await members(bed)).map(({ id }) => id);
    await bed.patch(groupUrl(), {
      versions: [{ instanceTemplate: templateUrl("one"), name: "0/now", targetSize: { calculated: 2 } }],
    });
    await settle(bed);
    const after = await members(bed);
    expect(after.map(({ version }) => version.name)).toEqual(["0/now", "0/now"]);
    expect(after.filter(({ id }) => before.includes(id))).toEqual([]);
  });

  test("that is more disruptive than allowed is not done at all", async () => {
    await group(bed, 2, {
      updatePolicy: policy({ minimalAction: "NONE", mostDisruptiveAllowedAction: "RESTART" }),
    });
    await second();
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two") }] });
    await bed.clock.advance(5_000);
    expect(await versions(bed)).toEqual(["one", "one"]);
  });

  test("of labels and metadata alone refreshes machines where they run", async () => {
    await group(bed, 2, { updatePolicy: policy({ minimalAction: "REFRESH" }) });
    const before = await members(bed);
    await template(bed, "labelled", "image-1", { metadata: { items: [{ key: "colour", value: "green" }] } });
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("labelled") }] });
    await settle(bed);
    const after = await members(bed);
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    const instance = await bed.get<{ metadata: { items: object[] } }>(`${ZONAL}/instances/${after[0]?.name}`);
    expect(instance.metadata.items).toContainEqual({ key: "colour", value: "green" });
  });
});

describe("health", () => {
  test("a machine is VERIFYING until its check is healthy once, and the update waits for it", async () => {
    const check = await healthCheck();
    await group(bed, 2, {
      updatePolicy: policy(),
      autoHealingPolicies: [{ healthCheck: check, initialDelaySec: 300 }],
    });
    bed.health = (spec) => (spec.image.endsWith("image-2") ? "UNHEALTHY" : "HEALTHY");
    await second();
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two") }] });
    await bed.clock.advance(60_000);
    expect(await versions(bed)).toEqual(["one", "one", "two"]);
    const [waiting] = (await members(bed)).filter(({ version }) => version.instanceTemplate?.endsWith("two"));
    expect(waiting).toMatchObject({
      currentAction: "VERIFYING",
      instanceStatus: "RUNNING",
      instanceHealth: [{ detailedHealthState: "UNHEALTHY" }],
    });
    bed.health = () => "HEALTHY";
    await settle(bed);
    expect(await versions(bed)).toEqual(["two", "two"]);
  });

  test("an unhealthy machine is made again: same name, same version, new id, and a system event", async () => {
    const check = await healthCheck();
    await group(bed, 2, { updatePolicy: policy(), autoHealingPolicies: [{ healthCheck: check, initialDelaySec: 60 }] });
    const [ill] = await members(bed);
    bed.health = (spec) => (spec.id === ill?.id ? "TIMEOUT" : "HEALTHY");
    await bed.clock.advance(3_000);
    await settle(bed);
    const healed = (await members(bed)).find(({ name }) => name === ill?.name);
    expect(healed?.id).not.toBe(ill?.id);
    expect(healed?.version).toEqual(ill?.version);
    const event = bed.entries.find(({ logName }) => logName.endsWith("system_event"));
    expect(event).toMatchObject({
      severity: "INFO",
      resource: { type: "gce_instance", labels: { instance_id: ill?.id } },
      operation: { producer: "compute.instances.repair.recreateInstance", first: true, last: true },
      protoPayload: {
        methodName: "compute.instances.repair.recreateInstance",
        authenticationInfo: { principalEmail: "system@google.com" },
        resourceName: `projects/acme/zones/us-central1-a/instances/${ill?.name}`,
        status: {
          message: `Instance Group Manager 'web' initiated recreateInstance on instance 'projects/123456789012/zones/us-central1-a/instances/${ill?.name}'. Reason: Instance eligible for repair: instance unhealthy.`,
        },
      },
    });
    expect(event?.operation?.id).toMatch(/^repair-\d+-/);
  });

  test("a machine that never was healthy is left alone for the initial delay", async () => {
    const check = await healthCheck();
    bed.health = () => "UNHEALTHY";
    await image(bed, "image-1");
    await template(bed, "one", "image-1");
    await bed.post(`${ZONAL}/instanceGroupManagers`, {
      name: "web",
      targetSize: 1,
      versions: [{ instanceTemplate: templateUrl("one") }],
      autoHealingPolicies: [{ healthCheck: check, initialDelaySec: 30 }],
    });
    await bed.clock.advance(20_000);
    const [first] = await members(bed);
    expect(first).toMatchObject({ currentAction: "VERIFYING" });
    await bed.clock.advance(20_000);
    const [later] = await members(bed);
    expect(later?.name).toBe(first?.name);
    expect(later?.id).not.toBe(first?.id);
  });

  test("a machine deleted behind the group's back comes again under its name", async () => {
    await group(bed, 2);
    const [lost] = await members(bed);
    await bed.call("DELETE", `${ZONAL}/instances/${lost?.name}`);
    await bed.clock.advance(2_000);
    await settle(bed);
    const found = (await members(bed)).find(({ name }) => name === lost?.name);
    expect(found?.id).not.toBe(lost?.id);
    expect(found?.instanceStatus).toBe("RUNNING");
  });
});

describe("creation errors", () => {
  test("are kept in the last attempt and in listErrors, and creation goes on until it works", async () => {
    await group(bed, 1, { updatePolicy: policy() });
    await bed.post(`${GLOBAL}/images/image-1/deprecate`, { state: "OBSOLETE" });
    await bed.post(`${groupUrl()}/resize?size=2`);
    await bed.clock.advance(5_000);
    const broken = (await members(bed)).find(({ id }) => id === undefined);
    expect(broken).toMatchObject({ currentAction: "CREATING" });
    expect(broken?.lastAttempt?.errors.errors[0]).toEqual({
      code: "RESOURCE_OBSOLETE",
      message: `Instance '${broken?.name}' creation failed: The resource 'projects/acme/global/images/image-1' is obsolete.  New uses are not allowed.  No replacement was specified.`,
    });
    const { items } = await bed.get<{ items: object[] }>(`${groupUrl()}/listErrors`);
    expect(items.length).toBeGreaterThan(1);
    expect(items[0]).toMatchObject({
      error: { code: "RESOURCE_OBSOLETE" },
      instanceActionDetails: { action: "CREATING", instance: broken?.instance },
      timestamp: expect.stringMatching(/-08:00$/),
    });
    expect((await bed.get<Group>(groupUrl())).status.isStable).toBe(false);
    await bed.post(`${GLOBAL}/images/image-1/deprecate`, {});
    await bed.clock.advance(15_000);
    await settle(bed);
    expect((await members(bed)).every(({ lastAttempt }) => lastAttempt === undefined)).toBe(true);
  });

  test("a quota is an error of its own, and lifting it ends it", async () => {
    await bed.patch("/emulator/limits", { instancesPerRegion: 1 });
    await group(bed, 1);
    await bed.post(`${groupUrl()}/resize?size=2`);
    await bed.clock.advance(1_000);
    const [error] = (await members(bed)).flatMap(({ lastAttempt }) => lastAttempt?.errors.errors ?? []);
    expect(error?.code).toBe("QUOTA_EXCEEDED");
    await bed.patch("/emulator/limits", { instancesPerRegion: null });
    await bed.clock.advance(15_000);
    expect((await settle(bed)).currentActions.none).toBe(2);
  });
});

describe("size and named machines", () => {
  test("a group grows and shrinks to its target", async () => {
    await group(bed, 2);
    await bed.post(`${groupUrl()}/resize?size=5`);
    await bed.clock.advance(10);
    await settle(bed);
    expect(await members(bed)).toHaveLength(5);
    await bed.post(`${groupUrl()}/resize?size=1`);
    await bed.clock.advance(10);
    await settle(bed);
    expect(await members(bed)).toHaveLength(1);
  });

  test("deleting and abandoning machines lowers the target; abandoned ones stay", async () => {
    await group(bed, 3);
    const [a, b] = await members(bed);
    await bed.post(`${groupUrl()}/deleteInstances`, { instances: [a?.instance] });
    await bed.post(`${groupUrl()}/abandonInstances`, { instances: [`zones/us-central1-a/instances/${b?.name}`] });
    await bed.clock.advance(2_000);
    expect((await settle(bed)).targetSize).toBe(1);
    expect((await bed.call("GET", `${ZONAL}/instances/${a?.name}`)).status).toBe(404);
    expect((await bed.call("GET", `${ZONAL}/instances/${b?.name}`)).status).toBe(200);
  });

  test("creating named machines is refused while a proactive update chooses names", async () => {
    await group(bed, 1, { updatePolicy: policy() });
    const operation = await bed.post<{ selfLink: string }>(`${groupUrl()}/createInstances`, {
      instances: [{ name: "web-blue" }],
    });
    await bed.clock.advance(100);
    expect(await bed.get(operation.selfLink)).toMatchObject({
      status: "DONE",
      httpErrorStatusCode: 412,
      httpErrorMessage: "PRECONDITION FAILED",
      error: { errors: [{ code: "CONDITION_NOT_MET", message: expect.stringContaining("Set replacementMethod") }] },
    });
    await bed.patch(groupUrl(), { updatePolicy: { type: "OPPORTUNISTIC" } });
    // As gcloud sends it.
    const preservedState = { disks: {}, externalIPs: {}, internalIPs: {}, metadata: {} };
    await bed.post(`${groupUrl()}/createInstances`, { instances: [{ name: "web-blue", preservedState }] });
    await bed.clock.advance(100);
    expect((await settle(bed)).targetSize).toBe(2);
    expect((await members(bed)).map(({ name }) => name)).toContain("web-blue");
  });

  test("applying updates to a named machine brings the target version there and nowhere else", async () => {
    await group(bed, 3);
    await second();
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two") }] });
    const [chosen] = await members(bed);
    await bed.post(`${groupUrl()}/applyUpdatesToInstances`, { instances: [chosen?.instance] });
    await bed.clock.advance(100);
    await settle(bed);
    expect(await versions(bed)).toEqual(["one", "one", "two"]);
    expect((await members(bed)).map(({ name }) => name)).not.toContain(chosen?.name);
    const refused = await bed.call("POST", `${groupUrl()}/applyUpdatesToInstances`, {
      allInstances: true,
      mostDisruptiveAllowedAction: "RESTART",
    });
    expect(refused.status).toBe(400);
  });

  test("recreating keeps the name, and takes the target version", async () => {
    await group(bed, 2);
    await second();
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two") }] });
    const [chosen] = await members(bed);
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: [chosen?.instance] });
    await bed.clock.advance(10);
    await settle(bed);
    const again = (await members(bed)).find(({ name }) => name === chosen?.name);
    expect(again?.id).not.toBe(chosen?.id);
    expect(again?.version.instanceTemplate).toMatch(/two$/);
  });

  test("deleting a group deletes its machines, and the operation ends when all are gone", async () => {
    await group(bed, 3);
    const { body } = await bed.call<{ selfLink: string }>("DELETE", groupUrl());
    expect((await bed.get<{ status: string }>(body.selfLink)).status).toBe("RUNNING");
    await bed.clock.advance(1_000);
    expect((await bed.get<{ status: string }>(body.selfLink)).status).toBe("DONE");
    expect((await bed.call("GET", groupUrl())).status).toBe(404);
    expect(bed.machines.size).toBe(0);
  });
});
