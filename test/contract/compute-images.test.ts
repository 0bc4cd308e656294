import { ImageFamilyViewsClient } from "@google-cloud/compute";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Compute, last, openCompute, refusal } from "./compute.ts";

let cloud: Compute;
beforeAll(async () => {
  cloud = await openCompute();
});
afterAll(() => cloud.close());

const create = async (what: string, more: object = {}): Promise<string> => {
  const { project, images } = cloud;
  const name = cloud.name(what);
  cloud.later(name, () => cloud.done(images.delete({ project, image: name })));
  await cloud.done(images.insert({ project, imageResource: { name, sourceImage: cloud.imageFamily, ...more } }));
  return name;
};
const get = async (image: string) => (await cloud.images.get({ project: cloud.project, image }))[0];
const deprecate = (image: string, deprecationStatusResource: object) =>
  cloud.done(cloud.images.deprecate({ project: cloud.project, image, deprecationStatusResource }));
const head = async (family: string) => (await cloud.images.getFromFamily({ project: cloud.project, family }))[0].name;

test("an image is what it was made with, ready, with a numeric id as text", async () => {
  const name = await create("made", { description: "Ü ✓", labels: { app: "web" } });
  const image = await get(name);
  expect(image).toMatchObject({
    name,
    description: "Ü ✓",
    labels: { app: "web" },
    status: "READY",
    kind: "compute#image",
  });
  expect(String(image.id)).toMatch(/^\d{10,20}$/);
  expect(Number(image.diskSizeGb)).toBeGreaterThan(0);
  expect(image.selfLink).toMatch(new RegExp(`/compute/v1/projects/${cloud.project}/global/images/${name}$`));
  expect(Date.parse(image.creationTimestamp ?? "")).toBeGreaterThan(Date.now() - 600_000);
  expect(image.labelFingerprint).toMatch(/./);
});

test("its operation names its target and who asked", async () => {
  const name = cloud.name("operation");
  cloud.later(name, () => cloud.done(cloud.images.delete({ project: cloud.project, image: name })));
  const operation = await cloud.done(
    cloud.images.insert({ project: cloud.project, imageResource: { name, sourceImage: cloud.imageFamily } }),
  );
  expect(operation).toMatchObject({
    status: "DONE",
    operationType: "insert",
    progress: 100,
    kind: "compute#operation",
  });
  expect(last(operation.targetLink)).toBe(name);
  expect(String(operation.targetId)).toBe(String((await get(name)).id));
  expect(operation.user).toMatch(/@/);
  expect(Date.parse(operation.endTime ?? "")).toBeGreaterThanOrEqual(Date.parse(operation.insertTime ?? ""));
});

test("an image that is not there is notFound, by its path", async () => {
  const name = cloud.name("absent");
  const path = `projects/${cloud.project}/global/images/${name}`;
  for (const ask of [
    () => get(name),
    () => cloud.images.delete({ project: cloud.project, image: name }),
    () => cloud.images.patch({ project: cloud.project, image: name, imageResource: { family: "x" } }),
    () => deprecate(name, { state: "DEPRECATED" }),
  ]) {
    const refused = await refusal(ask());
    expect(refused.code).toBe(5);
    expect(refused.message).toContain(`The resource '${path}' was not found`);
  }
});

test("a second image of the same name already exists", async () => {
  const name = await create("twice");
  const refused = await refusal(
    cloud.images.insert({ project: cloud.project, imageResource: { name, sourceImage: cloud.imageFamily } }),
  );
  expect(refused.message).toContain(`The resource 'projects/${cloud.project}/global/images/${name}' already exists`);
  // 409, which gRPC has as ABORTED where the answer does not say its own word.
  expect(refused.code).toBe(10);
});

test.each(["UPPER", "1st", "ends-", "ünïcode", "x".repeat(64)])(
  "the name %j is refused by its pattern",
  async (name) => {
    const refused = await refusal(
      cloud.images.insert({ project: cloud.project, imageResource: { name, sourceImage: cloud.imageFamily } }),
    );
    expect(refused.code).toBe(3);
    expect(refused.message).toContain("Invalid value for field 'resource.name'");
  },
);

test("a family resolves to its newest image that is not deprecated", async () => {
  const family = cloud.name("family");
  const first = await create("first", { family });
  expect(await head(family)).toBe(first);
  const second = await create("second", { family });
  expect(await head(family)).toBe(second);
  await deprecate(second, { state: "DEPRECATED", replacement: (await get(first)).selfLink });
  expect(await head(family)).toBe(first);
  expect((await get(second)).deprecated).toMatchObject({
    state: "DEPRECATED",
    replacement: (await get(first)).selfLink,
  });
  await deprecate(first, { state: "OBSOLETE" });
  expect((await refusal(head(family))).code).toBe(5);
  await deprecate(second, {});
  expect([await head(family), (await get(second)).deprecated ?? null]).toEqual([second, null]);
});

test("a family's view in a zone is its head", async () => {
  const family = cloud.name("viewed");
  const name = await create("view", { family });
  const views = cloud.client(ImageFamilyViewsClient);
  const [{ image }] = await views.get({ project: cloud.project, zone: cloud.zone, family });
  expect(image?.name).toBe(name);
});

test("a family that nobody is of is notFound", async () => {
  expect((await refusal(head(cloud.name("nobody")))).code).toBe(5);
});

test("a patch moves an image to another family", async () => {
  const [from, to] = [cloud.name("from"), cloud.name("to")];
  const name = await create("moved", { family: from });
  await cloud.done(cloud.images.patch({ project: cloud.project, image: name, imageResource: { family: to } }));
  expect([await head(to), (await get(name)).family]).toEqual([name, to]);
  expect((await refusal(head(from))).code).toBe(5);
});

test("labels change under their fingerprint only", async () => {
  const name = await create("labelled", { labels: { a: "1" } });
  const { labelFingerprint } = await get(name);
  const set = (labels: Record<string, string>) =>
    cloud.done(
      cloud.images.setLabels({
        project: cloud.project,
        resource: name,
        globalSetLabelsRequestResource: { labels, labelFingerprint: labelFingerprint ?? "" },
      }),
    );
  await set({ a: "2", b: "" });
  expect((await get(name)).labels).toEqual({ a: "2", b: "" });
  const refused = await refusal(set({ a: "3" }));
  expect([9, 412]).toContain(refused.code);
});

test("an unknown state of deprecation is refused", async () => {
  const name = await create("unknown");
  expect((await refusal(deprecate(name, { state: "GONE" }))).message).toMatch(/GONE/);
});

test("lists are filtered, paged and ordered", async () => {
  const family = cloud.name("listed");
  const names = [await create("list-a", { family }), await create("list-b", { family }), await create("list-c")];
  const { project, images } = cloud;
  const filter = `family = ${family}`;
  const [found] = await images.list({ project, filter });
  expect(found.map(({ name }) => name)).toEqual(names.slice(0, 2));
  const [regex] = await images.list({ project, filter: `name eq ${names[2]}` });
  expect(regex.map(({ name }) => name)).toEqual([names[2]]);
  const [newest] = await images.list({ project, filter, orderBy: "creationTimestamp desc" });
  expect(newest.map(({ name }) => name)).toEqual([names[1], names[0]]);
  const [page, next] = await images.list({ project, filter, maxResults: 1 }, { autoPaginate: false });
  expect([page.length, (next as { pageToken?: string } | null)?.pageToken]).toEqual([1, expect.stringMatching(/./)]);
  const all: (string | null | undefined)[] = [];
  for await (const { name } of images.listAsync({ project, filter, maxResults: 1 })) all.push(name);
  expect(all).toEqual(names.slice(0, 2));
  const [none] = await images.list({ project, filter: `name = ${cloud.name("none")}` });
  expect(none).toEqual([]);
});

test("a filter that cannot be read is refused", async () => {
  const refused = await refusal(cloud.images.list({ project: cloud.project, filter: "name = (" }));
  expect([refused.code, refused.message]).toEqual([3, expect.stringContaining("filter")]);
});

test("more than 500 results a page are refused", async () => {
  const refused = await refusal(
    cloud.images.list({ project: cloud.project, maxResults: 501 }, { autoPaginate: false }),
  );
  expect([refused.code, refused.message]).toEqual([3, expect.stringContaining("maxResults")]);
});

test("a deleted image is gone, and its operation stays to be read", async () => {
  const name = await create("deleted");
  const operation = await cloud.done(cloud.images.delete({ project: cloud.project, image: name }));
  expect((await refusal(get(name))).code).toBe(5);
  const [read] = await cloud.globalOperations.get({ project: cloud.project, operation: operation.name ?? "" });
  expect(read).toMatchObject({ name: operation.name, status: "DONE", operationType: "delete" });
});

test("the same request id is the same operation", async () => {
  const name = cloud.name("repeated");
  cloud.later(name, () => cloud.done(cloud.images.delete({ project: cloud.project, image: name })));
  const request = {
    project: cloud.project,
    requestId: crypto.randomUUID(),
    imageResource: { name, sourceImage: cloud.imageFamily },
  };
  const first = await cloud.done(cloud.images.insert(request));
  const second = await cloud.done(cloud.images.insert(request));
  expect(second.name).toBe(first.name);
});
