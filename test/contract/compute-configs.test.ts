import { DisksClient } from "@google-cloud/compute";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { last, refusal } from "./compute.ts";
import { type Groups, instanceUrl, openGroups } from "./groups.ts";
import { until } from "./place.ts";

describe.each([{ kind: "zonal" }, { kind: "regional" }] as const)("what $kind groups keep", ({ kind }) => {
  let groups: Groups;
  beforeAll(async () => {
    groups = await openGroups(kind);
  });
  afterAll(() => groups.cloud.close());

  // Regional groups that keep something do not move machines between zones.
  const calm = kind === "zonal" ? {} : { updatePolicy: { type: "OPPORTUNISTIC", instanceRedistributionType: "NONE" } };
  const configs = async (name: string) =>
    (await groups.client.listPerInstanceConfigs({ ...groups.where, instanceGroupManager: name }))[0];
  const preserved = (name: string, metadata: Record<string, string>) => ({
    perInstanceConfigs: [{ name, preservedState: { metadata } }],
  });
  const refresh = async (name: string, instance: string) =>
    groups.call("applyUpdatesToInstances", name, {
      instances: [instance],
      minimalAction: "REFRESH",
      mostDisruptiveAllowedAction: "REPLACE",
    });

  test("a configuration's metadata reaches its machine and survives its recreation", async () => {
    const name = await groups.create("keep", 2, calm);
    const [one] = await groups.members(name);
    const instance = last(one?.instance);
    await groups.call("updatePerInstanceConfigs", name, preserved(instance, { role: "first ✓" }));
    expect(await configs(name)).toMatchObject([{ name: instance, preservedState: { metadata: { role: "first ✓" } } }]);
    await refresh(name, one ? instanceUrl(one) : "");
    const kept = async () => (await groups.members(name)).find((member) => last(member.instance) === instance);
    await until(kept, (member) => member?.preservedStateFromConfig?.metadata?.role === "first ✓");
    await groups.stable(name);
    await groups.call("recreateInstances", name, { instances: one ? [instanceUrl(one)] : [] });
    await until(kept, (member) => member?.currentAction === "NONE" && String(member.id) !== String(one?.id));
    const [, zone = ""] = /zones\/([^/]+)/.exec(one?.instance ?? "") ?? [];
    const [machine] = await groups.cloud.instances.get({ project: groups.cloud.project, zone, instance });
    expect(machine.metadata?.items).toContainEqual(expect.objectContaining({ key: "role", value: "first ✓" }));
  });

  test("a patch adds to a configuration, an update puts another in its place", async () => {
    const name = await groups.create("patch", 1, calm);
    const instance = last((await groups.members(name))[0]?.instance);
    await groups.call("updatePerInstanceConfigs", name, preserved(instance, { a: "1" }));
    await groups.call("patchPerInstanceConfigs", name, preserved(instance, { b: "2" }));
    expect((await configs(name))[0]?.preservedState?.metadata).toEqual({ a: "1", b: "2" });
    await groups.call("updatePerInstanceConfigs", name, preserved(instance, { c: "3" }));
    expect((await configs(name))[0]?.preservedState?.metadata).toEqual({ c: "3" });
  });

  test("a configuration under an old fingerprint is refused", async () => {
    const name = await groups.create("print", 1, calm);
    const instance = last((await groups.members(name))[0]?.instance);
    await groups.call("updatePerInstanceConfigs", name, preserved(instance, { a: "1" }));
    const fingerprint = (await configs(name))[0]?.fingerprint;
    expect(fingerprint).toMatch(/./);
    await groups.call("updatePerInstanceConfigs", name, preserved(instance, { a: "2" }));
    const perInstanceConfigs = [{ name: instance, fingerprint, preservedState: { metadata: { a: "3" } } }];
    const refused = await refusal(groups.call("updatePerInstanceConfigs", name, { perInstanceConfigs }));
    expect([9, 412]).toContain(refused.code);
  });

  test("configurations are removed by name, and only those that are there", async () => {
    const name = await groups.create("remove", 1, calm);
    const [one] = await groups.members(name);
    const instance = last(one?.instance);
    await groups.call("updatePerInstanceConfigs", name, preserved(instance, { a: "1" }));
    await groups.call("deletePerInstanceConfigs", name, { names: [instance] });
    await refresh(name, one ? instanceUrl(one) : "");
    await until(
      () => configs(name),
      (left) => left.length === 0,
    );
    expect((await refusal(groups.call("deletePerInstanceConfigs", name, { names: ["nobody"] }))).code).toBe(3);
  });

  test("a configuration for a machine that is not the group's is refused", async () => {
    const name = await groups.create("foreign", 0, calm);
    const refused = await refusal(groups.call("updatePerInstanceConfigs", name, preserved("nobody", { a: "1" })));
    expect([refused.code, refused.message]).toEqual([3, expect.stringContaining("nobody")]);
  });

  test("configurations are listed page by page", async () => {
    const name = await groups.create("pages", 3, calm);
    const names = (await groups.members(name)).map(({ instance }) => last(instance)).sort();
    const perInstanceConfigs = names.map((one) => ({ name: one, preservedState: { metadata: { of: one } } }));
    await groups.call("updatePerInstanceConfigs", name, { perInstanceConfigs });
    const ask = { ...groups.where, instanceGroupManager: name, maxResults: 2 };
    const [page, next] = await groups.client.listPerInstanceConfigs(ask, { autoPaginate: false });
    const pageToken = (next as { pageToken?: string } | null)?.pageToken ?? "";
    expect([page.length, pageToken]).toEqual([2, expect.stringMatching(/./)]);
    const [rest] = await groups.client.listPerInstanceConfigs({ ...ask, pageToken }, { autoPaginate: false });
    expect([...page, ...rest].map((config) => config.name).sort()).toEqual(names);
  });

  test("a named machine is made with what it keeps", async () => {
    const name = await groups.create("born", 0, calm);
    await groups.call("createInstances", name, {
      instances: [{ name: "born-1", preservedState: { metadata: { slot: "7" } } }],
    });
    await groups.stable(name);
    expect(await configs(name)).toMatchObject([{ name: "born-1", preservedState: { metadata: { slot: "7" } } }]);
  });

  test("a stateful policy keeps the boot disk when a machine is recreated", async () => {
    const policy = {
      statefulPolicy: { preservedState: { disks: { boot: { autoDelete: "ON_PERMANENT_INSTANCE_DELETION" } } } },
    };
    const disks = [
      {
        boot: true,
        autoDelete: true,
        deviceName: "boot",
        initializeParams: { sourceImage: groups.cloud.imageFamily },
      },
    ];
    const template = await groups.cloud.template("stateful-t", { disks });
    const versions = [{ instanceTemplate: groups.templateUrl(template) }];
    const name = await groups.create("stateful", 1, { ...calm, ...policy, versions });
    const [before] = await groups.members(name);
    expect(before?.preservedStateFromPolicy?.disks?.boot?.source).toMatch(/disks\//);
    const [, zone = ""] = /zones\/([^/]+)/.exec(before?.instance ?? "") ?? [];
    const disk = last(before?.preservedStateFromPolicy?.disks?.boot?.source);
    const disksClient = groups.cloud.client(DisksClient);
    const [kept] = await disksClient.get({ project: groups.cloud.project, zone, disk });
    await groups.call("recreateInstances", name, { instances: before ? [instanceUrl(before)] : [] });
    await until(
      () => groups.members(name),
      ([one]) => one?.currentAction === "NONE" && String(one.id) !== String(before?.id),
    );
    const [still] = await disksClient.get({ project: groups.cloud.project, zone, disk });
    expect(String(still.id)).toBe(String(kept.id));
  });

  test("metadata for all machines reaches them by an update", async () => {
    const name = await groups.create("everyone", 2, calm);
    await groups.patch(name, {
      allInstancesConfig: { properties: { metadata: { fleet: "blue" }, labels: { team: "web" } } },
      updatePolicy: {
        type: "PROACTIVE",
        minimalAction: "REFRESH",
        maxSurge: { fixed: 0 },
        maxUnavailable: { fixed: 3 },
        ...(kind === "regional" && { instanceRedistributionType: "NONE" }),
      },
    });
    await until(
      () => groups.get(name),
      ({ status }) => status?.allInstancesConfig?.effective === true && status.isStable === true,
    );
    for (const member of await groups.members(name)) {
      const [, zone = ""] = /zones\/([^/]+)/.exec(member.instance ?? "") ?? [];
      const ask = { project: groups.cloud.project, zone, instance: last(member.instance) };
      const [machine] = await groups.cloud.instances.get(ask);
      expect(machine.metadata?.items).toContainEqual(expect.objectContaining({ key: "fleet", value: "blue" }));
      expect(machine.labels).toMatchObject({ team: "web" });
    }
  });
});
