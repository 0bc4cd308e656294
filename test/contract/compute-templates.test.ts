import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Compute, last, openCompute, refusal } from "./compute.ts";

let cloud: Compute;
beforeAll(async () => {
  cloud = await openCompute();
});
afterAll(() => cloud.close());

describe.each([{ kind: "global" }, { kind: "regional" }] as const)("$kind templates", ({ kind }) => {
  const isGlobal = kind === "global";
  const where = () => ({ project: cloud.project, ...(!isGlobal && { region: cloud.region }) });
  // The regional client has the same methods; `region` is all that it wants more.
  const client = () => (isGlobal ? cloud.templates : (cloud.regionTemplates as unknown as typeof cloud.templates));
  const properties = () => ({
    machineType: "e2-micro",
    description: "Ü ✓",
    labels: { app: "web" },
    metadata: { items: [{ key: "startup", value: "echo ✓\n" }] },
    tags: { items: ["http"] },
    disks: [{ boot: true, autoDelete: true, initializeParams: { sourceImage: cloud.imageFamily } }],
    networkInterfaces: [{ network: "global/networks/default" }],
    serviceAccounts: [{ email: "default", scopes: ["https://www.googleapis.com/auth/cloud-platform"] }],
  });
  const create = async (what: string, more: object = {}) => {
    const name = cloud.name(what);
    cloud.later(name, () => cloud.done(client().delete({ ...where(), instanceTemplate: name })));
    const instanceTemplateResource = { name, properties: { ...properties(), ...more } };
    await cloud.done(client().insert({ ...where(), instanceTemplateResource }));
    return name;
  };
  const get = async (instanceTemplate: string) => (await client().get({ ...where(), instanceTemplate }))[0];

  test("a template has what it was made with", async () => {
    const template = await get(await create("made"));
    expect(template.properties).toMatchObject({
      ...properties(),
      metadata: { items: [{ key: "startup", value: "echo ✓\n" }] },
    });
    expect(String(template.id)).toMatch(/^\d{10,20}$/);
    expect(template.kind).toBe("compute#instanceTemplate");
    expect(template.selfLink).toContain(
      isGlobal ? "/global/instanceTemplates/" : `/regions/${cloud.region}/instanceTemplates/`,
    );
  });

  test("a template that is not there is notFound, to read and to remove", async () => {
    const instanceTemplate = cloud.name("absent");
    expect((await refusal(get(instanceTemplate))).code).toBe(5);
    const refused = await refusal(client().delete({ ...where(), instanceTemplate }));
    expect([refused.code, refused.message]).toEqual([5, expect.stringContaining("was not found")]);
  });

  test("a second template of the same name already exists: templates do not change", async () => {
    const name = await create("twice");
    const instanceTemplateResource = { name, properties: properties() };
    const refused = await refusal(client().insert({ ...where(), instanceTemplateResource }));
    expect([refused.code, refused.message]).toEqual([10, expect.stringContaining("already exists")]);
  });

  test.each(["Upper", "9lives", "under_score", "-"])("the name %j is refused", async (name) => {
    const instanceTemplateResource = { name, properties: properties() };
    const refused = await refusal(client().insert({ ...where(), instanceTemplateResource }));
    expect([refused.code, refused.message]).toEqual([3, expect.stringContaining("resource.name")]);
  });

  test("templates are listed by filter and page", async () => {
    const names = [await create("list-a"), await create("list-b")];
    const filter = `name eq "${names.join("|")}"`;
    const [found] = await client().list({ ...where(), filter });
    expect(found.map(({ name }) => name)).toEqual(names);
    const [page, next] = await client().list({ ...where(), filter, maxResults: 1 }, { autoPaginate: false });
    expect([page.length, (next as { pageToken?: string } | null)?.pageToken]).toEqual([1, expect.stringMatching(/./)]);
    const all: (string | null | undefined)[] = [];
    for await (const { name } of client().listAsync({ ...where(), filter, maxResults: 1 })) all.push(name);
    expect(all).toEqual(names);
  });

  test("they are found in all places at once", async () => {
    const name = await create("aggregated");
    const scopes: string[] = [];
    const filter = `name = ${name}`;
    for await (const [scope, { instanceTemplates }] of cloud.templates.aggregatedListAsync({
      project: cloud.project,
      filter,
    })) {
      if (instanceTemplates?.some((one) => one.name === name)) scopes.push(scope);
    }
    expect(scopes).toEqual([isGlobal ? "global" : `regions/${cloud.region}`]);
  });

  test("a deleted template is gone, and its operation names it", async () => {
    const name = await create("deleted");
    const operation = await cloud.done(client().delete({ ...where(), instanceTemplate: name }));
    expect([operation.operationType, last(operation.targetLink)]).toEqual(["delete", name]);
    expect((await refusal(get(name))).code).toBe(5);
  });
});
