import { afterEach, describe, expect, it } from "vitest";
import { verdictOf } from "../../../cli/fleet/verdict.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { Playground } from "./playground.ts";

let world: Playground;
afterEach(() => world.close());

/** A rollout to web-2 that is in this phase. */
async function rolling(phase: string, file = {}): Promise<void> {
  world = await Playground.fleet({ file });
  await world.image("web-2");
  await world.untilPhase(phase);
}

/** A rollout to web-2 that is in this phase, whatever it takes. */
async function reach(phase: string): Promise<void> {
  const parked = phase === "parked" ? { budget: { name: "shared", machines: 1 } } : {};
  world = await Playground.fleet({ file: { gates: ["reports", "health", "approval"], ...parked } });
  if (phase === "parked") await taken(1);
  if (phase === "applying") world.refuse = busyGroup;
  await world.image("web-2");
  if (phase === "paused") {
    await world.untilPhase("baking");
    await world.order({ kind: "pause", reason: "looking" });
  }
  for (let passed = 0; phase === "final-bake" && passed < 2; passed++) {
    await world.untilPhase("gating");
    await world.order({ kind: "approve" });
    await world.step();
  }
  await world.untilPhase(phase);
}

describe("what a person says", () => {
  // 4: argoproj/argo-rollouts#4461, #3756, #1152, #1259
  it.each(["parked", "applying", "baking", "gating", "final-bake", "paused"])(
    "an abort that is not heard does not happen: from %s the old machines come back, all of them",
    async (phase) => {
      await reach(phase);
      await world.order({ kind: "abort", reason: "no" });
      world.refuse = () => undefined;
      await world.until(async () => (await world.record()).active === null);
      expect((await world.record()).last).toMatchObject({ why: { word: "aborted" } });
      expect(await world.running()).toEqual({ "web-1": 4 });
      await world.steps(10);
      expect(await world.running()).toEqual({ "web-1": 4 });
    },
  );

  // 5: argoproj/argo-rollouts#841
  it("a fleet where nothing works any more after an abort does not happen: the next image rolls, and lifting tries the aborted one as a new rollout", async () => {
    await rolling("baking");
    await world.order({ kind: "abort", reason: "no" });
    await world.untilEnded("rolled-back");
    await world.steps(5);
    expect(await world.words()).toEqual(["quarantined"]);
    await world.order({ kind: "lift", key: "web-1" });
    await world.untilStable("web-2");
    expect((await world.record()).last?.id).toBe("web-2");
    await world.image("web-3");
    await world.untilStable("web-3");
  });

  // 7: argoproj/argo-rollouts#1376, #3534, #1225
  it("a deadline that runs out while a person has paused does not happen: it counts anew from resume", async () => {
    world = await Playground.fleet();
    world.behaviours.set("web-2", { health: "UNHEALTHY" });
    await world.image("web-2");
    await world.untilPhase("converging");
    await world.order({ kind: "pause", reason: "lunch" });
    await world.steps(60, 60_000);
    expect(await world.phase()).toBe("paused");
    world.behaviours.clear();
    await world.order({ kind: "resume" });
    await world.untilStable("web-2");
  });

  // 7: the other half
  it("a deadline that passes without consequence does not happen: no progress puts the group back by itself", async () => {
    world = await Playground.fleet();
    world.behaviours.set("web-2", { health: "UNHEALTHY" });
    await world.image("web-2");
    await world.untilEnded("rolled-back");
    expect((await world.record()).last?.why.word).toBe("no-progress");
    expect(await world.running()).toEqual({ "web-1": 4 });
  });

  // 9: fluxcd/flagger#616, #413, #724
  it("a release that cannot be taken back once it succeeded does not happen: a day later one word is enough, without steps", async () => {
    await rolling("baking");
    await world.untilStable("web-2");
    await world.steps(24, 3_600_000);
    await world.order({ kind: "rollback" });
    await world.untilStable("web-1");
    expect((await world.record()).last).toMatchObject({ ending: "succeeded" });
    expect(await world.running()).toEqual({ "web-1": 4 });
    await world.steps(20);
    expect([await world.words(), await world.running()]).toEqual([["held"], { "web-1": 4 }]);
  });

  // 10: hashicorp/terraform-provider-aws#34189, #39007
  it("a rollback to the release that is being left does not happen: what was found is written down before the first change, and base or family may have moved since", async () => {
    world = await Playground.fleet();
    const before = (await world.groupNow()).versions;
    world.behaviours.set("web-2", { report: "failed" });
    let found: unknown;
    world.before = async ({ method, path }) => {
      if (method === "PATCH" && path.endsWith("/web"))
        found ??= (await world.record()).active?.groups["us-central1-a/web"]?.from.versions;
    };
    await world.image("web-2");
    await world.untilPhase("converging");
    await world.image("web-3");
    await world.untilEnded("rolled-back");
    expect(found).toMatchObject([{ instanceTemplate: expect.stringContaining("web-base") }]);
    expect((await world.groupNow()).versions).toMatchObject(
      before.map(({ instanceTemplate }) => ({ instanceTemplate })),
    );
  });

  // 11: hashicorp/terraform-provider-aws#29830, #42355
  it("a pipeline that is green while the rollout is under way or was put back does not happen: wait has no verdict, then the right one", async () => {
    world = await Playground.fleet();
    world.behaviours.set("web-2", { report: "failed" });
    await world.image("web-2");
    await world.untilPhase("converging");
    expect(verdictOf(await world.record(), "web-2")).toBeUndefined();
    await world.untilEnded("rolled-back");
    expect(verdictOf(await world.record(), "web-2")).toMatchObject({ verdict: "rolled-back" });
    expect(verdictOf(await world.record(), undefined)).toMatchObject({ verdict: "rolled-back" });
    await world.image("web-3");
    await world.untilStable("web-3");
    expect(verdictOf(await world.record(), "web-3")).toMatchObject({ verdict: "succeeded" });
  });
});

/** Another fleet has so many machines of the shared budget. */
async function taken(machines: number): Promise<void> {
  const until = new Date(world.bed.clock.now() + 3_600_000).toISOString();
  const lease = { fleet: "other", rollout: "other-1", machines, until };
  await world.cloud.state.write("budgets/shared.json", JSON.stringify({ schema: 1, leases: [lease], begun: [] }), "0");
}

/** Compute does not take changes of the group. */
function busyGroup({ method, path }: { method: string; path: string }): Failure | undefined {
  return method === "PATCH" ? new Failure("unavailable", 503, `PATCH ${path}`, "backend error") : undefined;
}
