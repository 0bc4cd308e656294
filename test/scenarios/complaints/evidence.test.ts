import { afterEach, describe, expect, it } from "vitest";
import { Playground } from "./playground.ts";

let world: Playground;
afterEach(() => world.close());

const QUERY = { metric: "sum(rate(errors[5m]))", below: 1 };

/** What the metric gate's query finds, in order; the last answer again and again. Returns how often it was asked. */
function answers(...values: number[][]): () => number {
  let asked = 0;
  world.cloud.monitoring.query = async () => ({ values: values[Math.min(asked++, values.length - 1)] ?? [] });
  return () => asked;
}

describe("what counts as evidence", () => {
  // 6: argoproj/argo-rollouts#3015, #3850, #261, #2866
  it("a gate without an answer that is asked until it passes does not happen: it is asked once, and the rollout pauses for a person", async () => {
    world = await Playground.fleet({ file: { gates: ["reports", "health", QUERY] } });
    const asked = answers([], [0]);
    await world.image("web-2");
    await world.untilPhase("paused");
    expect(await world.words()).toContain("gate-inconclusive");
    await world.steps(60, 60_000);
    expect([asked(), await world.phase()]).toEqual([1, "paused"]);
    await world.order({ kind: "resume" });
    await world.untilStable("web-2");
  });

  // 6: "stuck for ever" and "abort although nobody knows" are the fleet file's to choose
  it.each([
    ["proceed", "succeeded"],
    ["rollback", "rolled-back"],
  ])(
    "a rollout that is stuck for ever at a gate without an answer does not happen: inconclusive: %s ends it %s",
    async (inconclusive, ending) => {
      world = await Playground.fleet({ file: { gates: ["reports", "health", { ...QUERY, inconclusive }] } });
      answers([]);
      await world.image("web-2");
      await world.untilEnded(ending);
    },
  );

  it("a pause of moult's own that lasts for ever does not happen where the fleet file says how long", async () => {
    world = await Playground.fleet({ file: { gates: [QUERY], limits: { progress: "1m", paused: "10m" } } });
    answers([]);
    await world.image("web-2");
    await world.untilPhase("paused");
    await world.steps(13, 60_000);
    expect((await world.record()).last).toMatchObject({ ending: "rolled-back", why: { word: "paused-too-long" } });
    expect(await world.words()).toEqual(["held"]);
  });

  // 8: fluxcd/flagger#30
  it("a release that passes on what another one proved does not happen: a newer image begins with its own canary and its own reports", async () => {
    world = await Playground.fleet();
    await world.image("web-2");
    await world.untilPhase("baking");
    world.behaviours.set("web-3", { report: "silent" });
    await world.image("web-3");
    await world.untilStable("web-2");
    await world.untilPhase("paused");
    expect(await world.words()).toContain("reports-missing");
    expect(await world.running()).toEqual({ "web-2": 3, "web-3": 1 });
  });

  // 8: devantler-tech/platform#2387
  it("a fleet that ignores new images after one failed does not happen: the next one rolls by itself", async () => {
    world = await Playground.fleet();
    world.behaviours.set("web-2", { report: "failed" });
    await world.image("web-2");
    await world.untilEnded("rolled-back");
    await world.steps(5);
    await world.image("web-3");
    await world.untilStable("web-3");
    expect((await world.record()).rollouts).toBe(2);
  });

  // 13: aws/karpenter-provider-aws#3979
  it("machines that never joined replacing all the old ones does not happen: silence stops at the canary", async () => {
    world = await Playground.fleet({ size: 8 });
    world.behaviours.set("web-2", { report: "silent" });
    await world.image("web-2");
    await world.steps(120);
    expect([world.most.get("web-2"), await world.running()]).toEqual([1, { "web-1": 7, "web-2": 1 }]);
    expect([await world.phase(), world.fewest]).toEqual(["paused", 8]);
  });

  // 13: silence cannot be talked away
  it("a machine that reports for another does not happen: the signature is of the one that wrote it", async () => {
    world = await Playground.fleet();
    world.behaviours.set("web-2", { report: "silent" });
    await world.image("web-2");
    await world.untilPhase("converging");
    await world.steps(2);
    const { digest } = (await world.record()).active?.to ?? { digest: "" };
    const [canary] = world.specs("web-2");
    const liar = { id: "666", name: "liar", zone: "us-central1-a" };
    await world.report(liar, "web", digest, "ready", canary?.id);
    await world.untilPhase("paused");
    expect(await world.words()).toContain("reports-missing");
  });

  // 19: coreos/fedora-coreos-streams#183, #29, coreos/fedora-coreos-tracker#83
  it("a bad release that is found after it reached everyone does not happen: time alone passes no step", async () => {
    const steps = [{ canary: 1, bake: "1s" }, { share: "50%", bake: "1s" }, { share: "100%" }];
    world = await Playground.fleet({ size: 10, file: { steps, limits: { progress: "1h" } } });
    world.behaviours.set("web-2", { health: "UNHEALTHY" });
    await world.image("web-2");
    await world.steps(25, 60_000);
    expect([world.most.get("web-2"), (await world.record()).active?.passed]).toEqual([1, []]);
    await world.steps(40, 60_000);
    expect([(await world.record()).last?.ending, world.fewest]).toEqual(["rolled-back", 10]);
  });

  // 21: microsoft/AzureTRE#1590, opencb/opencga#987
  it("a small group that trips over a percentage does not happen: 20% of two is one, and old machines that are ill count for nothing", async () => {
    const body = {
      autoHealingPolicies: [{ healthCheck: "projects/acme-prod/global/healthChecks/alive", initialDelaySec: 3600 }],
    };
    world = await Playground.fleet({
      size: 2,
      file: { limits: { progress: "1m", failedMachines: "20%" } },
      group: body,
    });
    const [ill] = world.specs("web-1");
    world.bed.health = (spec) => (spec.id === ill?.id ? "UNHEALTHY" : "HEALTHY");
    await world.steps(3);
    await world.image("web-2");
    await world.untilStable("web-2");
    expect(await world.running()).toEqual({ "web-2": 2 });
  });

  // 25: hashicorp/terraform-provider-google#3378, #10396
  it("done that is said because the group is stable does not happen: stable it is while nobody has reported, and the rollout is not over", async () => {
    world = await Playground.fleet({ size: 3 });
    world.behaviours.set("web-2", { report: "silent" });
    await world.image("web-2");
    await world.until(async () => (await world.running())["web-2"] === 1);
    await world.until(async () => (await world.groupNow()).status.isStable === true);
    await world.steps(5);
    expect([await world.phase(), (await world.groupNow()).status.isStable]).toEqual(["converging", true]);
    expect((await world.record()).stable?.release.image.name).toBe("web-1");
  });
});
