import { afterEach, describe, expect, it } from "vitest";
import { Playground, ZONE } from "./playground.ts";

let world: Playground;
afterEach(() => world.close());

const SICK = { health: "UNHEALTHY" } as const;
/** Machines that fail their check are left alone for so long: nobody has to race with their healing. */
const PATIENT = {
  autoHealingPolicies: [{ healthCheck: "projects/acme-prod/global/healthChecks/alive", initialDelaySec: 3600 }],
};

describe("how a rollout begins", () => {
  // 1: hashicorp/terraform-provider-google#10648, #10792
  it("an update that cannot start because the group is unhealthy does not happen: a repair reaches machines that all fail their check", async () => {
    world = await Playground.fleet();
    world.behaviours.set("web-1", SICK);
    await world.steps(30);
    expect((await world.groupNow()).status.isStable).toBe(false);
    await world.image("web-2");
    await world.untilStable("web-2");
    expect(await world.running()).toEqual({ "web-2": 4 });
  });

  // 2: argoproj/argo-rollouts#1774, #3110, #1416, #995
  it("a canary that is held back because the stable release is broken does not happen: it is judged by its own machines, and the history says so", async () => {
    world = await Playground.fleet({ file: { steps: [{ share: "100%", bake: "6s" }] }, group: PATIENT });
    world.behaviours.set("web-1", SICK);
    await world.steps(4);
    await world.image("web-2");
    await world.untilPhase("baking");
    // A canary although the fleet file names none: what mends may break too.
    expect(await world.running()).toEqual({ "web-1": 3, "web-2": 1 });
    expect((await world.record()).active?.forwardFix).toEqual({ unhealthy: 4, of: 4 });
    expect((await world.history()).map(({ word }) => word)).toContain("forward-fix");
    await world.untilStable("web-2");
  });

  it("a broken stable release that excuses a broken new one does not happen: the repair that is no better is put back", async () => {
    world = await Playground.fleet({ group: PATIENT });
    world.behaviours.set("web-1", SICK);
    await world.steps(4);
    world.behaviours.set("web-2", { ...SICK, report: "failed" });
    await world.image("web-2");
    await world.untilEnded("rolled-back");
    expect(world.most.get("web-2")).toBe(1);
  });

  // 14: aws/karpenter-provider-aws#3606, kubernetes-sigs/karpenter#2914
  it("every fleet replacing its machines because an image was published does not happen: one observes, one asks a person", async () => {
    world = await Playground.open();
    for (const [name, mode] of [
      ["seen", "observe"],
      ["asked", "approve"],
    ] as const) {
      await world.group({ name });
      await world.takeOn({ fleet: name, mode, groups: [{ zone: ZONE, name, base: "web-base" }] });
    }
    await world.image("web-2");
    await world.steps(30);
    expect([await world.words("seen"), await world.words("asked")]).toEqual([["observing"], ["awaiting-approval"]]);
    expect([await world.running("seen"), await world.running("asked")]).toEqual([{ "web-1": 4 }, { "web-1": 4 }]);
    await world.order({ kind: "approve" }, "asked");
    await world.untilStable("web-2", "asked");
    expect(await world.running("seen")).toEqual({ "web-1": 4 });
  });

  // 14: the same, within a fleet
  it("all regions replacing their machines at once does not happen: a wave begins when the one before has baked", async () => {
    world = await Playground.open();
    await world.group({ name: "eu", zone: "europe-west4-a" });
    await world.group({ name: "us" });
    await world.takeOn({
      groups: [
        { zone: "europe-west4-a", name: "eu", base: "web-base", wave: 1 },
        { zone: ZONE, name: "us", base: "web-base", wave: 2 },
      ],
    });
    await world.image("web-2");
    await world.untilPhase("final-bake");
    expect([await world.running("eu"), await world.running("us")]).toEqual([{ "web-2": 4 }, { "web-1": 4 }]);
    await world.untilStable("web-2");
    expect(await world.running("us")).toEqual({ "web-2": 4 });
  });

  // 23: hashicorp/terraform-provider-google#15202, terraform-google-modules/terraform-google-vm#303
  it("a surge that Compute refuses half-way does not happen: the fleet file's number is judged against the group's zones before anything is touched", async () => {
    world = await Playground.open();
    await world.group({ region: "us-central1", size: 6 });
    const groups = [{ region: "us-central1", name: "web", base: "web-base" }];
    await world.takeOn({ groups, replace: { above: 1, missing: 0 } });
    await world.image("web-2");
    await world.step();
    expect(await world.said()).toMatch(/3 zones and the fleet file says replace.above: 1; .* set it to 3 or 0/);
    expect([(await world.record()).rollouts, world.changes]).toEqual([0, []]);
    await world.apply({ groups, replace: { above: 3, missing: 0 } });
    await world.untilStable("web-2");
  });

  // 26: hashicorp/terraform-provider-google#13571
  it("a template that is staged in the group before it is approved does not happen: what is added or made again meanwhile is of the old one", async () => {
    world = await Playground.fleet({ file: { mode: "approve" } });
    const before = (await world.groupNow()).versions.map(({ instanceTemplate }) => instanceTemplate);
    await world.image("web-2");
    await world.steps(3);
    await world.resize(6);
    await world.steps(3);
    expect((await world.groupNow()).versions.map(({ instanceTemplate }) => instanceTemplate)).toEqual(before);
    expect(await world.running()).toEqual({ "web-1": 6 });
    expect(world.changes).toEqual([]);
  });

  // 32: hashicorp/terraform#10984, #12732, hashicorp/terraform-google-consul#33
  it("machines of one release that run different images does not happen: a family in the template is resolved once, and named exactly", async () => {
    world = await Playground.open();
    const sourceImage = "projects/acme-prod/global/images/family/web";
    await world.template("web-family", {
      disks: [{ boot: true, autoDelete: true, initializeParams: { sourceImage } }],
    });
    await world.group();
    await world.takeOn({ groups: [{ zone: ZONE, name: "web", base: "web-family" }] });
    await world.image("web-2");
    await world.untilPhase("baking");
    await world.image("web-3");
    await world.until(async () => ((await world.running())["web-2"] ?? 0) === 4);
    expect(world.most.get("web-3")).toBeUndefined();
  });

  it("a data disk that is of whatever image is newest does not happen: such a base is refused by name", async () => {
    world = await Playground.open();
    const of = (image: string, boot: boolean) => ({
      boot,
      autoDelete: true,
      initializeParams: { sourceImage: `projects/acme-prod/global/images/${image}` },
    });
    await world.template("web-data", { disks: [of("web-1", true), of("family/web", false)] });
    await world.group();
    await world.takeOn({ groups: [{ zone: ZONE, name: "web", base: "web-data" }] });
    await world.image("web-2");
    await world.step();
    expect(await world.words()).toEqual(["base-names-family"]);
    expect(await world.said()).toContain("web-data");
  });
});
