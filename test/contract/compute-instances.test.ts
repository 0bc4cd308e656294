import { afterAll, beforeAll, expect, test } from "vitest";
import { type Compute, last, openCompute, refusal } from "./compute.ts";
import { until } from "./place.ts";

let cloud: Compute;
let where: { project: string; zone: string };
beforeAll(async () => {
  cloud = await openCompute();
  where = { project: cloud.project, zone: cloud.zone };
});
afterAll(() => cloud.close());

const resource = (name: string, more: object = {}) => ({
  name,
  machineType: `zones/${cloud.zone}/machineTypes/e2-micro`,
  disks: [{ boot: true, autoDelete: true, initializeParams: { sourceImage: cloud.imageFamily } }],
  networkInterfaces: [{ network: "global/networks/default" }],
  ...more,
});
const create = async (what: string, more: object = {}) => {
  const name = cloud.name(what);
  cloud.later(name, () => cloud.done(cloud.instances.delete({ ...where, instance: name })));
  await cloud.done(cloud.instances.insert({ ...where, instanceResource: resource(name, more) }));
  return name;
};
const get = async (instance: string) => (await cloud.instances.get({ ...where, instance }))[0];

test("a machine runs, and is what it was made with", async () => {
  const name = await create("made", {
    description: "Ü ✓",
    labels: { app: "web" },
    metadata: { items: [{ key: "greeting", value: "hallo ✓" }] },
    tags: { items: ["http"] },
  });
  const machine = await get(name);
  expect(machine).toMatchObject({
    name,
    description: "Ü ✓",
    status: "RUNNING",
    kind: "compute#instance",
    labels: { app: "web" },
    tags: { items: ["http"] },
  });
  expect(String(machine.id)).toMatch(/^\d{10,20}$/);
  expect([last(machine.zone), last(machine.machineType)]).toEqual([cloud.zone, "e2-micro"]);
  expect(machine.metadata?.items).toMatchObject([{ key: "greeting", value: "hallo ✓" }]);
  expect(machine.networkInterfaces?.[0]?.networkIP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  expect(machine.disks?.[0]).toMatchObject({ boot: true, autoDelete: true, index: 0 });
});

test("a machine that is not there is notFound", async () => {
  const instance = cloud.name("absent");
  const path = `projects/${cloud.project}/zones/${cloud.zone}/instances/${instance}`;
  for (const ask of [
    () => get(instance),
    () => cloud.instances.stop({ ...where, instance }),
    () => cloud.instances.start({ ...where, instance }),
    () => cloud.instances.delete({ ...where, instance }),
    () => cloud.instances.getSerialPortOutput({ ...where, instance }),
  ]) {
    const refused = await refusal(ask());
    expect([refused.code, refused.message]).toEqual([5, expect.stringContaining(`'${path}' was not found`)]);
  }
});

test("a second machine of the same name already exists", async () => {
  const name = await create("twice");
  const refused = await refusal(cloud.done(cloud.instances.insert({ ...where, instanceResource: resource(name) })));
  expect(refused.message).toContain("already exists");
});

test("a machine type and an image that are none are refused", async () => {
  const insert = (more: object) =>
    refusal(cloud.done(cloud.instances.insert({ ...where, instanceResource: resource(cloud.name("bad"), more) })));
  expect((await insert({ machineType: `zones/${cloud.zone}/machineTypes/x9-none` })).message).toMatch(/x9-none/);
  const sourceImage = `projects/${cloud.project}/global/images/none-at-all`;
  expect((await insert({ disks: [{ boot: true, initializeParams: { sourceImage } }] })).message).toMatch(/none-at-all/);
});

test("it stops and starts, and is the same machine", async () => {
  const name = await create("stop");
  const { id } = await get(name);
  await cloud.done(cloud.instances.stop({ ...where, instance: name }));
  expect((await get(name)).status).toBe("TERMINATED");
  await cloud.done(cloud.instances.start({ ...where, instance: name }));
  const again = await get(name);
  expect([again.status, String(again.id)]).toEqual(["RUNNING", String(id)]);
});

test("a reset leaves it running", async () => {
  const name = await create("reset");
  await cloud.done(cloud.instances.reset({ ...where, instance: name }));
  expect((await get(name)).status).toBe("RUNNING");
});

test("labels change under their fingerprint only", async () => {
  const name = await create("labels", { labels: { a: "1" } });
  const { labelFingerprint } = await get(name);
  const set = (labels: Record<string, string>) =>
    cloud.done(
      cloud.instances.setLabels({
        ...where,
        instance: name,
        instancesSetLabelsRequestResource: { labels, labelFingerprint: labelFingerprint ?? "" },
      }),
    );
  await set({ b: "2" });
  expect((await get(name)).labels).toEqual({ b: "2" });
  expect([9, 412]).toContain((await refusal(set({ c: "3" }))).code);
});

test("metadata is replaced as a whole, under its fingerprint", async () => {
  const name = await create("metadata", { metadata: { items: [{ key: "a", value: "1" }] } });
  const { metadata } = await get(name);
  const set = (items: { key: string; value: string }[]) =>
    cloud.done(
      cloud.instances.setMetadata({
        ...where,
        instance: name,
        metadataResource: { items, fingerprint: metadata?.fingerprint ?? "" },
      }),
    );
  await set([{ key: "b", value: "ü\n2" }]);
  expect((await get(name)).metadata?.items).toMatchObject([{ key: "b", value: "ü\n2" }]);
  expect([9, 412]).toContain((await refusal(set([{ key: "c", value: "3" }]))).code);
});

test("a machine is made from a template, with changes of its own", async () => {
  const template = await cloud.template("source", { labels: { from: "template" }, tags: { items: ["t"] } });
  const name = cloud.name("from");
  cloud.later(name, () => cloud.done(cloud.instances.delete({ ...where, instance: name })));
  const sourceInstanceTemplate = `projects/${cloud.project}/global/instanceTemplates/${template}`;
  await cloud.done(cloud.instances.insert({ ...where, sourceInstanceTemplate, instanceResource: { name } }));
  expect(await get(name)).toMatchObject({ name, labels: { from: "template" }, tags: { items: ["t"] } });
});

test("lists are filtered by label and status, and paged", async () => {
  const label = cloud.name("l");
  const names = [await create("one", { labels: { group: label } }), await create("two", { labels: { group: label } })];
  const filter = `labels.group = ${label}`;
  const [found] = await cloud.instances.list({ ...where, filter });
  expect(found.map(({ name }) => name).sort()).toEqual(names);
  await cloud.done(cloud.instances.stop({ ...where, instance: names[0] ?? "" }));
  const [running] = await cloud.instances.list({ ...where, filter: `(${filter}) (status = RUNNING)` });
  expect(running.map(({ name }) => name)).toEqual([names[1]]);
  const [page, next] = await cloud.instances.list({ ...where, filter, maxResults: 1 }, { autoPaginate: false });
  expect([page.length, (next as { pageToken?: string } | null)?.pageToken]).toEqual([1, expect.stringMatching(/./)]);
  const everywhere: (string | null | undefined)[] = [];
  for await (const [, { instances }] of cloud.instances.aggregatedListAsync({ project: cloud.project, filter })) {
    everywhere.push(...(instances ?? []).map(({ name }) => name));
  }
  expect(everywhere.sort()).toEqual(names);
});

test("its serial port says something, from where one left off", async () => {
  const name = await create("serial");
  const [{ contents, next }] = await until(
    () => cloud.instances.getSerialPortOutput({ ...where, instance: name }),
    ([answer]) => (answer.contents ?? "") !== "",
  );
  expect(Number(next)).toBeGreaterThanOrEqual(Buffer.byteLength(contents ?? ""));
  const [more] = await cloud.instances.getSerialPortOutput({ ...where, instance: name, start: next ?? "0" });
  expect(Number(more.start)).toBe(Number(next));
});

test("a deleted machine is gone with its disk", async () => {
  const name = await create("deleted");
  await cloud.done(cloud.instances.delete({ ...where, instance: name }));
  expect((await refusal(get(name))).code).toBe(5);
});
