import { afterEach, describe, expect, it } from "vitest";
import { Failure } from "../../../functions/google/failure.ts";
import { Playground } from "../../scenarios/complaints/playground.ts";

let world: Playground;
afterEach(() => world.close());

/** Compute answers nothing but 503, to whatever it is asked. */
function away(): void {
  world.refuse = ({ method, path }) => new Failure("unavailable", 503, `${method} ${path}`, "backend error");
}

function back(): void {
  world.refuse = () => undefined;
}

async function rollingTo(phase: string, file: object = {}): Promise<void> {
  world = await Playground.fleet({ file: { finalBake: "10m", ...file } as Record<string, unknown> });
  await world.image("web-2");
  await world.untilPhase(phase);
}

const PAUSED = { active: { phase: "paused" } };
const GOING_BACK = { active: { phase: "rolling-back" } };

describe("while Compute cannot be read at all, a person's word is in the record at the next look", () => {
  it.each([
    ["pause", { kind: "pause", reason: "no" }, PAUSED],
    ["stop", { kind: "stop", reason: "no" }, { ...PAUSED, hold: { by: "ada" } }],
    ["abort", { kind: "abort", reason: "no" }, GOING_BACK],
    ["rollback", { kind: "rollback" }, { ...GOING_BACK, hold: { by: "ada" } }],
    ["hold", { kind: "hold", reason: "no" }, { active: { phase: "baking" }, hold: { by: "ada" } }],
  ])("%s", async (_, command, expected) => {
    await rollingTo("baking");
    away();
    await world.order(command);
    await world.step();
    expect(await world.record()).toMatchObject(expected);
    expect(await world.said()).toMatch(
      /cannot be read now, .* none is changed yet: .*backend error. It is tried again/,
    );
    expect(await world.cloud.state.names("commands/web/")).toEqual([]);
    // And the next look fails as any does: it is tried again, later and later.
    const failed = world.failedLooks;
    await world.step();
    expect(world.failedLooks).toBe(failed + 1);
  });

  it("a quarantine that is lifted, and the image rolls when Compute is back", async () => {
    await rollingTo("baking");
    await world.order({ kind: "abort", reason: "no" });
    await world.untilEnded("rolled-back");
    const [entry] = (await world.record()).quarantine;
    away();
    await world.order({ kind: "lift", key: entry?.key });
    await world.step();
    expect((await world.record()).quarantine).toEqual([]);
    back();
    await world.untilPhase("final-bake");
    expect((await world.record()).active?.to.image.name).toBe("web-2");
  });

  it("a fleet file for a fleet that is new, which is taken on when Compute is back", async () => {
    world = await Playground.open();
    await world.group();
    away();
    await world.apply();
    await world.step();
    expect(await world.record()).toMatchObject({ stable: null, policy: { fleet: "web" } });
    back();
    await world.steps(2);
    expect((await world.record()).stable?.release.image.name).toBe("web-1");
  });
});

describe("what a person said while Compute was away, when it is back", () => {
  it("an abort puts the group back, and what it was put back for is quarantined", async () => {
    await rollingTo("baking");
    away();
    await world.order({ kind: "abort", reason: "no" });
    await world.steps(3, 60_000);
    back();
    await world.untilEnded("rolled-back");
    expect(await world.running()).toEqual({ "web-1": 4 });
    expect((await world.record()).quarantine).toHaveLength(1);
  });

  it("a pause and then a resume: the rollout goes on, in the order in which they were said", async () => {
    await rollingTo("baking");
    away();
    await world.order({ kind: "pause", reason: "no" });
    await world.step();
    await world.order({ kind: "resume" });
    await world.step();
    expect(await world.phase()).toBe("applying");
    back();
    await world.untilPhase("final-bake");
  });

  it("a rollback to the release before begins then, and what was said after it waits for it", async () => {
    await rollingTo("baking", { finalBake: "6s" });
    await world.untilStable("web-2");
    await world.image("web-3");
    await world.untilStable("web-3");
    away();
    await world.order({ kind: "rollback" });
    await world.order({ kind: "unhold" });
    await world.step();
    expect([(await world.record()).active, await world.said()]).toEqual([
      null,
      expect.stringContaining("ada asked to roll back: begins when the groups can be read"),
    ]);
    expect(await world.cloud.state.names("commands/web/")).toHaveLength(2);
    back();
    await world.untilStable("web-2");
    expect((await world.record()).hold).toBeNull();
    expect((await world.history()).map(({ what }) => what)).not.toContain("command-refused");
  });

  it("an abort over what somebody else had made of the group: taken over when it is seen, and put back", async () => {
    await rollingTo("baking");
    await world.template("web-hand-made");
    const instanceTemplate = "global/instanceTemplates/web-hand-made";
    await world.patchGroup({ versions: [{ instanceTemplate }] });
    away();
    await world.order({ kind: "abort", reason: "no" });
    await world.step();
    back();
    await world.untilEnded("rolled-back");
    expect(JSON.stringify((await world.groupNow()).versions)).toContain("web-base");
  });
});

describe("while the inputs alone cannot be read", () => {
  it("a rollout that has changed something is put back all the same", async () => {
    await rollingTo("baking");
    world.refuse = ({ method, path }) =>
      /images|instanceTemplates/.test(path)
        ? new Failure("unavailable", 503, `${method} ${path}`, "backend error")
        : undefined;
    // So long that the inputs are due again.
    await world.pass(61_000);
    await world.order({ kind: "abort", reason: "no" });
    await world.untilEnded("rolled-back");
    expect(await world.running()).toEqual({ "web-1": 4 });
  });
});
