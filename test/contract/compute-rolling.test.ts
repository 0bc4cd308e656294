import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { last } from "./compute.ts";
import { byTemplate, type Groups, instanceUrl, openGroups } from "./groups.ts";
import { until } from "./place.ts";

describe.each([{ kind: "zonal" }, { kind: "regional" }] as const)("changes to $kind groups", ({ kind }) => {
  let groups: Groups;
  beforeAll(async () => {
    groups = await openGroups(kind);
  });
  afterAll(() => groups.cloud.close());

  /** Fixed amounts, which a regional group must be given in zones at least, or nothing. */
  const BUDGET = { maxSurge: { fixed: 3 }, maxUnavailable: { fixed: 0 } };
  const update = (more: object = {}) => ({
    updatePolicy: { type: "PROACTIVE", minimalAction: "REPLACE", ...BUDGET, ...more },
  });
  const another = async (name: string, template: string, more: object = {}) =>
    groups.patch(name, { versions: [{ instanceTemplate: groups.templateUrl(template) }], ...update(more) });

  test("a rolling update replaces every machine and says when its target is reached", async () => {
    const name = await groups.create("roll", 3);
    const before = (await groups.members(name)).map(({ id }) => String(id));
    const template = await groups.cloud.template("roll-new");
    await another(name, template);
    const group = await until(
      () => groups.get(name),
      ({ status }) => status?.versionTarget?.isReached === true && status.isStable === true,
    );
    const after = await groups.members(name);
    expect(byTemplate(after)).toEqual({ [template]: 3 });
    expect(after.filter(({ id }) => before.includes(String(id)))).toEqual([]);
    expect(group.updatePolicy).toMatchObject({ type: "PROACTIVE", minimalAction: "REPLACE" });
  });

  test("machines that are recreated in place keep their names and get new ids", async () => {
    const name = await groups.create("inplace", 2);
    const before = await groups.members(name);
    const template = await groups.cloud.template("inplace-new");
    const unavailable = kind === "zonal" ? 1 : 3;
    await another(name, template, {
      replacementMethod: "RECREATE",
      maxSurge: { fixed: 0 },
      maxUnavailable: { fixed: unavailable },
    });
    await until(
      () => groups.get(name),
      ({ status }) => status?.versionTarget?.isReached === true && status.isStable === true,
    );
    const after = await groups.members(name);
    expect(after.map(({ instance }) => last(instance)).sort()).toEqual(
      before.map(({ instance }) => last(instance)).sort(),
    );
    expect(byTemplate(after)).toEqual({ [template]: 2 });
    for (const { id } of after) expect(before.map((one) => String(one.id))).not.toContain(String(id));
  });

  test("a canary of one stays at one, and its size is calculated", async () => {
    const name = await groups.create("canary", 3);
    const stableTemplate = last((await groups.get(name)).versions?.[0]?.instanceTemplate);
    const canary = await groups.cloud.template("canary-new");
    await groups.patch(name, {
      versions: [
        { name: "stable", instanceTemplate: groups.templateUrl(stableTemplate) },
        { name: "canary", instanceTemplate: groups.templateUrl(canary), targetSize: { fixed: 1 } },
      ],
      ...update(),
    });
    const { versions } = await until(
      () => groups.get(name),
      ({ status }) => status?.versionTarget?.isReached === true && status.isStable === true,
    );
    expect(byTemplate(await groups.members(name))).toEqual({ [stableTemplate]: 2, [canary]: 1 });
    expect(versions?.map(({ targetSize }) => targetSize?.calculated)).toEqual([2, 1]);
  });

  test("an opportunistic update waits until it is applied", async () => {
    const name = await groups.create("opportune", 2);
    const template = await groups.cloud.template("opportune-new");
    await another(name, template, { type: "OPPORTUNISTIC" });
    const group = await groups.stable(name);
    expect([group.status?.versionTarget?.isReached, byTemplate(await groups.members(name))[template]]).toEqual([
      false,
      undefined,
    ]);
    const [chosen] = await groups.members(name);
    await groups.call("applyUpdatesToInstances", name, {
      instances: chosen ? [instanceUrl(chosen)] : [],
      minimalAction: "REPLACE",
      mostDisruptiveAllowedAction: "REPLACE",
    });
    await until(
      () => groups.members(name),
      (members) => members.length === 2 && byTemplate(members)[template] === 1,
    );
    await groups.stable(name);
  });

  test("setting the template changes only what is made from then on", async () => {
    const name = await groups.create("settemplate", 1);
    const template = await groups.cloud.template("settemplate-new");
    await groups.call("setInstanceTemplate", name, { instanceTemplate: groups.templateUrl(template) });
    await groups.stable(name);
    expect(byTemplate(await groups.members(name))[template]).toBeUndefined();
    await groups.resize(name, 2);
    await groups.stable(name);
    expect(byTemplate(await groups.members(name))[template]).toBe(1);
  });
});
