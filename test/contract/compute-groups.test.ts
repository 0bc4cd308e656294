import { InstanceGroupsClient, RegionInstanceGroupsClient } from "@google-cloud/compute";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { last, refusal } from "./compute.ts";
import { type Groups, instanceUrl, openGroups } from "./groups.ts";
import { until } from "./place.ts";

describe.each([{ kind: "zonal" }, { kind: "regional" }] as const)("$kind groups", ({ kind }) => {
  let groups: Groups;
  beforeAll(async () => {
    groups = await openGroups(kind);
  });
  afterAll(() => groups.cloud.close());

  test("a group has what it was made with, and becomes stable at its size", async () => {
    const name = await groups.create("made", 2, { description: "Ü ✓" });
    const group = await groups.get(name);
    expect(group).toMatchObject({ name, description: "Ü ✓", targetSize: 2, kind: "compute#instanceGroupManager" });
    expect(String(group.id)).toMatch(/^\d{10,20}$/);
    expect(group.fingerprint).toMatch(/./);
    expect(group.status).toMatchObject({ isStable: true, versionTarget: { isReached: true } });
    expect(last(kind === "zonal" ? group.zone : group.region)).toBe(
      kind === "zonal" ? groups.cloud.zone : groups.cloud.region,
    );
    const members = await groups.members(name);
    expect(members).toHaveLength(2);
    for (const { currentAction, instanceStatus, instance, id } of members) {
      expect([currentAction, instanceStatus]).toEqual(["NONE", "RUNNING"]);
      expect(last(instance)).toMatch(/^mmade-[a-z0-9]{4}$/);
      expect(String(id)).toMatch(/^\d{10,20}$/);
    }
  });

  test("a group that is not there is notFound", async () => {
    const name = groups.cloud.name("absent");
    for (const ask of [
      () => groups.get(name),
      () => groups.members(name),
      () => groups.resize(name, 1),
      () => groups.patch(name, { targetSize: 1 }),
      () => groups.client.delete({ ...groups.where, instanceGroupManager: name }),
    ]) {
      expect((await refusal(ask())).code).toBe(5);
    }
  });

  test("a second group of the same name already exists", async () => {
    const name = await groups.create("twice", 0);
    const body = { name, baseInstanceName: "x", targetSize: 0, versions: (await groups.get(name)).versions ?? [] };
    const refused = await refusal(groups.client.insert({ ...groups.where, instanceGroupManagerResource: body }));
    expect([refused.code, refused.message]).toEqual([10, expect.stringContaining("already exists")]);
  });

  test("a template that is not there is refused by its field", async () => {
    const versions = [{ instanceTemplate: groups.templateUrl("none-at-all") }];
    const refused = await refusal(groups.create("no-template", 1, { versions }));
    expect([3, 5]).toContain(refused.code);
    expect(refused.message).toContain("none-at-all");
  });

  test("resizes grow and shrink it", async () => {
    const name = await groups.create("size", 1);
    await groups.resize(name, 3);
    await groups.stable(name);
    expect(await groups.members(name)).toHaveLength(3);
    await groups.resize(name, 1);
    await until(
      () => groups.members(name),
      (members) => members.length === 1,
    );
    await groups.resize(name, 0);
    await until(
      () => groups.members(name),
      (members) => members.length === 0,
    );
    expect((await groups.stable(name)).targetSize).toBe(0);
  });

  test("a patch under an old fingerprint is refused", async () => {
    const name = await groups.create("fingerprint", 0);
    const { fingerprint } = await groups.get(name);
    await groups.patch(name, { description: "changed", fingerprint });
    const refused = await refusal(groups.patch(name, { description: "again", fingerprint }));
    expect([9, 412]).toContain(refused.code);
    expect((await groups.get(name)).description).toBe("changed");
  });

  test("named machines are made, and deleted for good", async () => {
    const name = await groups.create("named", 0);
    await groups.call("createInstances", name, { instances: [{ name: "mine-1" }, { name: "mine-2" }] });
    await groups.stable(name);
    const members = await groups.members(name);
    expect(members.map(({ instance }) => last(instance)).sort()).toEqual(["mine-1", "mine-2"]);
    expect((await groups.get(name)).targetSize).toBe(2);
    const twice = await refusal(groups.call("createInstances", name, { instances: [{ name: "mine-1" }] }));
    expect(twice.message).toContain("mine-1");
    await groups.call("deleteInstances", name, { instances: members.slice(0, 1).map(instanceUrl) });
    await until(
      () => groups.members(name),
      (left) => left.length === 1,
    );
    expect((await groups.get(name)).targetSize).toBe(1);
  });

  test("a recreated machine keeps its name and comes again", async () => {
    const name = await groups.create("recreate", 1);
    const [before] = await groups.members(name);
    await groups.call("recreateInstances", name, { instances: before ? [instanceUrl(before)] : [] });
    const after = await until(
      () => groups.members(name),
      ([one]) => one?.currentAction === "NONE" && String(one.id) !== String(before?.id),
    );
    expect(last(after[0]?.instance)).toBe(last(before?.instance));
  });

  test("an abandoned machine lives on outside the group", async () => {
    const name = await groups.create("abandon", 2);
    const [chosen] = await groups.members(name);
    const [, zone = ""] = /zones\/([^/]+)/.exec(chosen?.instance ?? "") ?? [];
    const instance = last(chosen?.instance);
    const { project, instances, later, done } = groups.cloud;
    later(instance, () => done(instances.delete({ project, zone, instance })));
    await groups.call("abandonInstances", name, { instances: chosen ? [instanceUrl(chosen)] : [] });
    await until(
      () => groups.members(name),
      (left) => left.length === 1,
    );
    expect((await groups.get(name)).targetSize).toBe(1);
    const [machine] = await instances.get({ project, zone, instance });
    expect(machine.status).toBe("RUNNING");
  });

  test("an instance that is not the group's is refused", async () => {
    const name = await groups.create("strange", 0);
    const instances = [`zones/${groups.cloud.zone}/instances/nobody-here`];
    const refused = await refusal(groups.call("deleteInstances", name, { instances }));
    expect([3, 5]).toContain(refused.code);
    expect(refused.message).toContain("nobody-here");
  });

  test("members are listed page by page where the group says so, and all at once where it does not", async () => {
    const name = await groups.create("paged", 3, { listManagedInstancesResults: "PAGINATED" });
    const ask = { ...groups.where, instanceGroupManager: name, maxResults: 2 };
    const [page, next] = await groups.client.listManagedInstances(ask, { autoPaginate: false });
    const pageToken = (next as { pageToken?: string } | null)?.pageToken ?? "";
    expect([page.length, pageToken]).toEqual([2, expect.stringMatching(/./)]);
    const [rest] = await groups.client.listManagedInstances({ ...ask, pageToken }, { autoPaginate: false });
    expect(rest).toHaveLength(1);
    expect(new Set([...page, ...rest].map(({ instance }) => instance)).size).toBe(3);
    await groups.patch(name, { listManagedInstancesResults: "PAGELESS" });
    const [all] = await groups.client.listManagedInstances(ask, { autoPaginate: false });
    expect(all).toHaveLength(3);
  });

  test("a group in which nothing went wrong has no errors", async () => {
    const name = await groups.create("errors", 1);
    const [errors] = await groups.client.listErrors({ ...groups.where, instanceGroupManager: name });
    expect(errors).toEqual([]);
  });

  test("groups are listed, filtered, and found in all places at once", async () => {
    const name = await groups.create("listed", 0);
    const filter = `name = ${name}`;
    const [listed] = await groups.client.list({ ...groups.where, filter });
    expect(listed.map((group) => group.name)).toEqual([name]);
    const [none] = await groups.client.list({ ...groups.where, filter: "name = nobody" });
    expect(none).toEqual([]);
    if (kind === "regional") return;
    const found: (string | null | undefined)[] = [];
    for await (const [scope, scoped] of groups.client.aggregatedListAsync({ project: groups.cloud.project, filter })) {
      if (scoped.instanceGroupManagers?.length)
        found.push(scope, ...scoped.instanceGroupManagers.map((one) => one.name));
    }
    expect(found).toEqual([`zones/${groups.cloud.zone}`, name]);
  });

  test("its instance group lists the same machines", async () => {
    const name = await groups.create("plain", 2);
    const plain = (
      kind === "zonal" ? groups.cloud.client(InstanceGroupsClient) : groups.cloud.client(RegionInstanceGroupsClient)
    ) as InstanceGroupsClient;
    const [group] = await plain.get({ ...groups.where, instanceGroup: name });
    expect([group.name, group.size]).toEqual([name, 2]);
    const [machines] = await plain.listInstances({ ...groups.where, instanceGroup: name });
    expect(machines.map(({ instance }) => last(instance)).sort()).toEqual(
      (await groups.members(name)).map(({ instance }) => last(instance)).sort(),
    );
    expect(machines.map(({ status }) => status)).toEqual(["RUNNING", "RUNNING"]);
  });

  test("a deleted group takes its machines with it", async () => {
    const name = await groups.create("deleted", 1);
    const [member] = await groups.members(name);
    await groups.cloud.done(groups.client.delete({ ...groups.where, instanceGroupManager: name }));
    expect((await refusal(groups.get(name))).code).toBe(5);
    const [, zone = ""] = /zones\/([^/]+)/.exec(member?.instance ?? "") ?? [];
    const gone = { project: groups.cloud.project, zone, instance: last(member?.instance) };
    expect((await refusal(groups.cloud.instances.get(gone))).code).toBe(5);
  });

  test("a template in use cannot be deleted", async () => {
    const name = await groups.create("inuse", 0);
    const instanceTemplate = last((await groups.get(name)).versions?.[0]?.instanceTemplate);
    const { templates, project, done } = groups.cloud;
    const refused = await refusal(done(templates.delete({ project, instanceTemplate })));
    expect(refused.message).toContain("is already being used by");
  });
});
