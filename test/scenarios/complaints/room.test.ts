import { afterEach, describe, expect, it } from "vitest";
import { Playground, ZONE } from "./playground.ts";

let world: Playground;
afterEach(() => world.close());

/** The playground's clock begins on Thursday 2026-01-15 at 10:00 UTC. */
const closed = [{ days: "sat", from: "02:00", to: "04:00", zone: "Europe/Berlin" }];

/** Two fleets of four, in two zones. */
async function two(more: { a?: object; b?: object; size?: number } = {}): Promise<void> {
  world = await Playground.open();
  for (const [name, zone, file] of [
    ["a", ZONE, more.a],
    ["b", "us-central1-b", more.b],
  ] as const) {
    await world.group({ name, zone, size: more.size ?? 4 });
    await world.takeOn({ fleet: name, groups: [{ zone, name, base: "web-base" }], ...file });
  }
}

describe("when there is a limit", () => {
  // 15: kubernetes-sigs/karpenter#2183, #2374, #2218, aws/karpenter-provider-aws#6911
  it("a schedule that is not on meaning no limit does not happen: outside its windows nothing begins, and why names the next opening", async () => {
    world = await Playground.fleet({ file: { windows: closed } });
    await world.image("web-2");
    await world.steps(20);
    expect([await world.words(), (await world.record()).rollouts]).toEqual([["window"], 0]);
    const [reason] = (await world.record()).reasons;
    expect(reason?.until).toBe("2026-01-17T01:00:00.000Z");
    await world.steps(39, 3_600_000);
    await world.untilStable("web-2");
  });

  // 15: several at once
  it("one of several windows taking away what another gives does not happen: it is open when one of them is", async () => {
    world = await Playground.fleet({
      file: { windows: [...closed, { days: "thu", from: "09:00", to: "12:00", zone: "UTC" }] },
    });
    await world.image("web-2");
    await world.untilStable("web-2");
  });

  // 16: kubernetes-sigs/karpenter#2909
  it("more machines in an hour than were allowed does not happen: the rest waits for the hour to pass", async () => {
    world = await Playground.fleet({ file: { budget: { name: "shared", perHour: 2 } } });
    await world.image("web-2");
    const began = world.bed.clock.now();
    await world.steps(60, 20_000);
    expect([world.most.get("web-2"), await world.words()]).toEqual([2, expect.arrayContaining(["budget"])]);
    await world.until(async () => (await world.running())["web-2"] === 4, 2000);
    expect(world.bed.clock.now() - began).toBeGreaterThan(3_600_000);
  });

  // 17: karpenter, designs/drift-per-nodepool-backoff.md
  it("a fleet without capacity holding up another does not happen: the other finishes, and what is scarce blames no release", async () => {
    await two();
    await world.exhaust(ZONE);
    await world.image("web-2");
    await world.untilStable("web-2", "b");
    expect(await world.running("b")).toEqual({ "web-2": 4 });
    await world.untilPhase("paused", "a");
    expect([await world.words("a"), (await world.record("a")).quarantine]).toEqual([
      expect.arrayContaining(["capacity"]),
      [],
    ]);
  });

  // 17: "and burns API calls"
  it("calls burnt while there is no capacity does not happen: a paused fleet looks once a minute", async () => {
    world = await Playground.fleet();
    await world.exhaust(ZONE);
    await world.image("web-2");
    await world.untilPhase("paused");
    const { nextLook, lastLook } = await world.record();
    expect(Date.parse(nextLook ?? "") - Date.parse(lastLook ?? "")).toBe(60_000);
  });

  // 18: coreos/airlock#81
  it("a slot whose owner nobody can see does not happen: the reason names the fleet that has it and until when", async () => {
    const budget = { name: "shared", machines: 1 };
    await two({ a: { budget }, b: { budget } });
    world.behaviours.set("web-2", { report: "silent" });
    await world.image("web-2");
    await world.untilPhase("parked", "b");
    expect(await world.said("b")).toMatch(/budget shared has no room .* a has \d until 2026-01-15T.* of 1 at once/);
  });

  // 18: "stale"
  it("a slot that is lost with whoever had it does not happen: it ends at its own time", async () => {
    world = await Playground.fleet({ file: { budget: { name: "shared", machines: 1 } } });
    const until = new Date(world.bed.clock.now() + 600_000).toISOString();
    const lease = { fleet: "gone", rollout: "gone-1", machines: 1, until };
    await world.cloud.state.write(
      "budgets/shared.json",
      JSON.stringify({ schema: 1, leases: [lease], begun: [] }),
      "0",
    );
    await world.image("web-2");
    await world.untilPhase("parked");
    await world.steps(11, 60_000);
    await world.untilStable("web-2");
  });

  // 20: MicrosoftDocs/azure-docs#113861
  it("a rollout that fails because its window ends does not happen: the step is finished, the next one waits for the next opening", async () => {
    const windows = [{ days: "mon-fri", from: "09:00", to: "10:01", zone: "UTC" }];
    const steps = [{ canary: 1, bake: "2m" }, { share: "100%" }];
    world = await Playground.fleet({ file: { windows, steps } });
    await world.image("web-2");
    await world.untilPhase("parked");
    expect(await world.running()).toEqual({ "web-1": 3, "web-2": 1 });
    expect((await world.record()).active?.passed).toMatchObject([{ step: "canary 1" }]);
    await world.steps(24, 3_600_000);
    await world.untilStable("web-2");
  });

  // 20: and the way back is open
  it("a window that keeps a bad release in place does not happen: putting back waits for none", async () => {
    const windows = [{ days: "mon-fri", from: "09:00", to: "10:01", zone: "UTC" }];
    world = await Playground.fleet({ file: { windows, steps: [{ canary: 1, bake: "10m" }, { share: "100%" }] } });
    await world.image("web-2");
    await world.untilPhase("baking");
    await world.steps(5, 20_000);
    world.behaviours.set("web-2", { health: "UNHEALTHY" });
    await world.untilEnded("rolled-back");
    expect(await world.running()).toEqual({ "web-1": 4 });
  });

  // 27: world-federation-of-advertisers/cross-media-measurement#4138, #4139, firezone/firezone#6007
  it("a stock-out that is waited out in silence does not happen: it is named, paused at the deadline, and goes on by a word", async () => {
    world = await Playground.fleet();
    await world.exhaust(ZONE);
    await world.image("web-2");
    await world.until(async () => (await world.words()).includes("capacity"));
    expect(await world.said()).toMatch(/ZONE_RESOURCE_POOL_EXHAUSTED/);
    await world.untilPhase("paused");
    await world.exhaust();
    await world.order({ kind: "resume" });
    await world.untilStable("web-2");
    expect((await world.record()).quarantine).toEqual([]);
  });

  // 27: "surge exceeds reservation"
  it("a rollout that is stuck for want of a machine above the size does not happen: with replace.scarce one fewer makes the room", async () => {
    const replace = { above: 2, missing: 0, scarce: 1 };
    world = await Playground.fleet({ file: { replace, limits: { progress: "5m" } } });
    await world.bed.patch("/emulator/limits", { instancesPerRegion: 4 });
    await world.image("web-2");
    await world.untilStable("web-2");
    expect([await world.running(), world.fewest]).toEqual([{ "web-2": 4 }, 3]);
  });
});
