import { afterEach, describe, expect, it } from "vitest";
import { lastSegment } from "../../../functions/core/wanted.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { Playground, ZONE } from "../../scenarios/complaints/playground.ts";
import { baseProperties, imageOf, policyOf, SmallCloud } from "./small-cloud.ts";

const words = (cloud: SmallCloud) => cloud.record.reasons.map(({ word }) => word);
const said = (cloud: SmallCloud) => cloud.record.reasons.map(({ text }) => text).join("\n");
const own = (cloud: SmallCloud) => Object.values(cloud.record.active?.groups ?? {})[0]?.template ?? "none";

const inserted = (cloud: SmallCloud) =>
  cloud.decisions.flatMap(({ effects }) => effects.flatMap((one) => (one.kind === "insert-template" ? [one] : [])));

/** At the point where the group is asked for the release for the first time, and somebody has just deleted the template. */
function deletedBeforeUse(): SmallCloud {
  const cloud = new SmallCloud(6);
  cloud.command({ kind: "apply", policy: policyOf() });
  cloud.step();
  cloud.head = imageOf("web-2", "1002");
  cloud.lose = ({ kind }) => kind === "patch-group";
  cloud.until(() => cloud.record.active?.phase === "applying");
  cloud.deleteTemplate(own(cloud));
  cloud.lose = () => false;
  return cloud;
}

/** web-2 is everywhere and bakes for the last time; nothing uses the template of before any more. */
function lastBake(adopted: boolean): SmallCloud {
  const cloud = new SmallCloud(6);
  cloud.command({ kind: "apply", policy: policyOf() });
  cloud.step();
  if (!adopted) {
    cloud.head = imageOf("web-1b", "1011");
    cloud.until(() => cloud.record.stable?.release.image.name === "web-1b");
  }
  const before = lastSegment(cloud.group.versions[0]?.instanceTemplate ?? "");
  cloud.head = imageOf("web-2", "1002");
  cloud.until(() => cloud.record.active?.phase === "final-bake");
  cloud.deleteTemplate(before);
  return cloud;
}

describe("a template that somebody deletes after it was made", () => {
  it("is made again, under its name and with what it held, and the rollout goes on", () => {
    const cloud = deletedBeforeUse();
    const name = own(cloud);
    cloud.until(() => cloud.templates.has(name), 3);
    expect(cloud.decisions.some(({ record }) => record.reasons.some(({ text }) => text.includes("made again")))).toBe(
      true,
    );
    const [before, ...others] = inserted(cloud);
    const again = others.at(-1);
    expect([again?.name, again?.properties]).toEqual([before?.name, before?.properties]);
    // Compute answers a request id that it knows with the operation of then, and makes nothing.
    expect(again?.requestId).not.toBe(before?.requestId);
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });

  it("cannot be where the base holds something else by now: says what is missing, and pauses at the deadline", () => {
    const cloud = deletedBeforeUse();
    const name = own(cloud);
    cloud.base = { ...baseProperties, machineType: "e2-medium" };
    cloud.step();
    expect(words(cloud)).toContain("base-missing");
    expect(said(cloud)).toMatch(new RegExp(`${name}.* cannot be made again: .*another template. Make an instance`));
    cloud.until(() => cloud.record.active?.phase === "paused");
    expect(cloud.record.quarantine).toEqual([]);
    // A person makes it again by hand.
    cloud.deleted.delete(name);
    cloud.templates.set(name, inserted(cloud)[0]?.properties ?? baseProperties);
    cloud.command({ kind: "resume" });
    cloud.until(() => cloud.record.active?.phase === "baking");
  });

  it("is not used while another has taken its name", () => {
    const cloud = deletedBeforeUse();
    cloud.different = () => true;
    cloud.step();
    cloud.step();
    expect(words(cloud)).toContain("external-change");
    expect(cloud.group.versions).toHaveLength(1);
    cloud.different = () => false;
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });

  it("that the groups ran before, made by moult: it is made again too, and the release is put back", () => {
    const cloud = lastBake(false);
    cloud.command({ kind: "abort", reason: "no" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    expect(cloud.count((name) => name === cloud.templateOf("web-1b"))).toBe(6);
  });

  it("that the groups ran before, found there by moult: cannot be put back, and that is said at once and loudly", () => {
    const cloud = lastBake(true);
    cloud.command({ kind: "abort", reason: "no" });
    cloud.step();
    expect([cloud.record.active?.phase, words(cloud)]).toEqual([
      "rollback-stuck",
      expect.arrayContaining(["base-missing", "rollback-stuck"]),
    ]);
    expect(said(cloud)).toMatch(
      /web-base, which group us-central1-a\/web ran before, was deleted by somebody, and cannot/,
    );
    expect(cloud.count((name) => name === cloud.templateOf("web-2"))).toBe(6);
    cloud.deleted.delete("web-base");
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    expect(cloud.count((name) => name === "web-base")).toBe(6);
  });
});

describe("on the emulator", () => {
  let world: Playground;
  afterEach(() => world.close());

  it("the template of a later wave, deleted while the first one bakes, is made again as it was, and its group follows", async () => {
    world = await Playground.open();
    await world.group();
    await world.group({ name: "late", zone: "us-central1-b" });
    await world.takeOn({
      groups: [
        { zone: ZONE, name: "web", base: "web-base", wave: 1 },
        { zone: "us-central1-b", name: "late", base: "web-base", wave: 2 },
      ],
    });
    await world.image("web-2");
    await world.untilPhase("baking");
    const { template = "" } = (await world.record()).active?.groups["us-central1-b/late"] ?? {};
    const before = await world.compute.template(template);
    expect(await world.deleteTemplate(template)).toBe(200);
    await world.untilStable("web-2");
    const again = await world.compute.template(template);
    expect([again?.properties.metadata?.items, again?.description]).toEqual([
      before?.properties.metadata?.items,
      before?.description,
    ]);
    expect(again?.id).not.toBe(before?.id);
    expect([await world.running("late"), (await world.record()).rollouts]).toEqual([{ "web-2": 4 }, 1]);
  });

  it("a change that is denied, and templates that may not be read either: the denial is said, and a person is heard", async () => {
    world = await Playground.fleet();
    world.refuse = ({ method, path }) =>
      method === "PATCH" ? new Failure("denied", 403, `PATCH ${path}`, "Required permission") : undefined;
    await world.image("web-2");
    await world.untilPhase("applying");
    world.refuse = ({ method, path }) =>
      method === "PATCH" || path.includes("instanceTemplates/")
        ? new Failure("denied", 403, `${method} ${path}`, "Required permission")
        : undefined;
    await world.steps(3);
    expect(await world.said()).toContain("Required permission");
    await world.order({ kind: "pause", reason: "no" });
    await world.look();
    expect(await world.phase()).toBe("paused");
  });

  it("the template that the group ran before, deleted in the last bake: an abort is stuck with its name until it is there again", async () => {
    world = await Playground.fleet({ file: { finalBake: "10m" } });
    await world.image("web-2");
    await world.untilPhase("final-bake");
    await world.steps(5);
    expect(await world.deleteTemplate("web-base")).toBe(200);
    await world.order({ kind: "abort", reason: "no" });
    await world.untilPhase("rollback-stuck");
    expect(await world.said()).toMatch(/template web-base, which group .* cannot be made again/);
    expect(await world.running()).toEqual({ "web-2": 4 });
    await world.template("web-base");
    await world.untilEnded("rolled-back");
    expect(await world.running()).toEqual({ "web-1": 4 });
  });
});
