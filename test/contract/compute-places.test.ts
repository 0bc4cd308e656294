import { DisksClient, MachineTypesClient, ProjectsClient, RegionsClient, ZonesClient } from "@google-cloud/compute";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Compute, last, openCompute, refusal } from "./compute.ts";

let cloud: Compute;
beforeAll(async () => {
  cloud = await openCompute();
});
afterAll(() => cloud.close());

test("zones and regions know each other", async () => {
  const { project, region, zone } = cloud;
  const [found] = await cloud.client(ZonesClient).get({ project, zone });
  expect([found.status, last(found.region)]).toEqual(["UP", region]);
  const [its] = await cloud.client(RegionsClient).get({ project, region });
  expect(its.zones?.map(last)).toContain(zone);
  const [zones] = await cloud.client(ZonesClient).list({ project });
  expect(zones.map(({ name }) => name)).toContain(zone);
  const [regions] = await cloud.client(RegionsClient).list({ project });
  expect(regions.map(({ name }) => name)).toContain(region);
});

test("a zone that is none is refused", async () => {
  const refused = await refusal(cloud.instances.list({ project: cloud.project, zone: "nowhere-1a" }));
  expect([3, 5]).toContain(refused.code);
});

test("machine types are by zone, and in all of them at once", async () => {
  const types = cloud.client(MachineTypesClient);
  const { project, zone } = cloud;
  const [micro] = await types.get({ project, zone, machineType: "e2-micro" });
  expect(micro).toMatchObject({ name: "e2-micro", guestCpus: 2, memoryMb: 1024, zone });
  const [all] = await types.list({ project, zone, filter: "name = e2-micro" });
  expect(all.map(({ name }) => name)).toEqual(["e2-micro"]);
  const scopes: string[] = [];
  for await (const [scope, { machineTypes }] of types.aggregatedListAsync({ project, filter: "name = e2-micro" })) {
    if (machineTypes?.length) scopes.push(scope);
  }
  expect(scopes).toContain(`zones/${zone}`);
  expect((await refusal(types.get({ project, zone, machineType: "x9-none" }))).code).toBe(5);
});

test("the project is itself", async () => {
  const [project] = await cloud.client(ProjectsClient).get({ project: cloud.project });
  expect(project).toMatchObject({ name: cloud.project, kind: "compute#project" });
  expect(project.commonInstanceMetadata?.fingerprint).toMatch(/./);
});

test("a disk is made, found, listed everywhere and removed", async () => {
  const { project, zone } = cloud;
  const disks = cloud.client(DisksClient);
  const name = cloud.name("disk");
  cloud.later(name, () => cloud.done(disks.delete({ project, zone, disk: name })));
  const diskResource = { name, sizeGb: "10", type: `zones/${zone}/diskTypes/pd-standard` };
  await cloud.done(disks.insert({ project, zone, diskResource }));
  const [disk] = await disks.get({ project, zone, disk: name });
  expect([disk.status, String(disk.sizeGb), last(disk.type)]).toEqual(["READY", "10", "pd-standard"]);
  expect((await refusal(disks.insert({ project, zone, diskResource }))).code).toBe(10);
  const found: (string | null | undefined)[] = [];
  for await (const [, scoped] of disks.aggregatedListAsync({ project, filter: `name = ${name}` })) {
    found.push(...(scoped.disks ?? []).map((one) => one.name));
  }
  expect(found).toEqual([name]);
  await cloud.done(disks.delete({ project, zone, disk: name }));
  expect((await refusal(disks.get({ project, zone, disk: name }))).code).toBe(5);
});

test("operations are found, waited for and listed by their kind of place", async () => {
  const { project, zone } = cloud;
  const disks = cloud.client(DisksClient);
  const name = cloud.name("op-disk");
  cloud.later(name, () => cloud.done(disks.delete({ project, zone, disk: name })));
  const { name: operation = "" } = await cloud.done(
    disks.insert({ project, zone, diskResource: { name, sizeGb: "10" } }),
  );
  const [read] = await cloud.zoneOperations.get({ project, zone, operation: operation ?? "" });
  expect([read.status, last(read.zone), read.operationType]).toEqual(["DONE", zone, "insert"]);
  const [listed] = await cloud.zoneOperations.list({ project, zone, filter: `name = ${operation}` });
  expect(listed.map((one) => one.name)).toEqual([operation]);
  const everywhere: (string | null | undefined)[] = [];
  for await (const [, { operations }] of cloud.globalOperations.aggregatedListAsync({
    project,
    filter: `name = ${operation}`,
  })) {
    everywhere.push(...(operations ?? []).map((one) => one.name));
  }
  expect(everywhere).toEqual([operation]);
  expect((await refusal(cloud.globalOperations.get({ project, operation: operation ?? "" }))).code).toBe(5);
});

test("an operation that is not there is notFound, to read and to wait for", async () => {
  const { project, zone, region } = cloud;
  const operation = "operation-1-2-3-4";
  for (const ask of [
    () => cloud.zoneOperations.get({ project, zone, operation }),
    () => cloud.zoneOperations.wait({ project, zone, operation }),
    () => cloud.regionOperations.get({ project, region, operation }),
    () => cloud.globalOperations.wait({ project, operation }),
  ]) {
    expect((await refusal(ask())).code).toBe(5);
  }
});
