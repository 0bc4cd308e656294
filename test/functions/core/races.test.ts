import { afterEach, describe, expect, it } from "vitest";
import { freezeFleet } from "../../../cli/fleet/freeze.ts";
import { reconcile } from "../../../functions/controller/reconcile.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { Playground, ZONE } from "../../scenarios/complaints/playground.ts";

let world: Playground;
afterEach(() => world.close());

interface Options {
  size?: number;
  file?: object;
  group?: object;
  template?: object;
}

/** A fleet that rolls to web-2 and is in this phase. */
async function rolling(phase: string, options: Options = {}): Promise<void> {
  world = await Playground.fleet(options as Parameters<typeof Playground.fleet>[0]);
  await world.image("web-2");
  await world.untilPhase(phase);
}

const isGroupPatch = ({ method, path }: { method: string; path: string }) =>
  method === "PATCH" && path.endsWith("instanceGroupManagers/web");

/** Compute takes no change of the group until it is set to take them again. */
const busy = (call: { method: string; path: string }) =>
  isGroupPatch(call) ? new Failure("unavailable", 503, `PATCH ${call.path}`, "backend error") : undefined;

/** What a rollout would set: to put such a group back nothing has to be changed, and its fingerprint stays. */
const AS_ASKED = {
  type: "PROACTIVE",
  minimalAction: "REPLACE",
  mostDisruptiveAllowedAction: "REPLACE",
  maxSurge: { fixed: 2 },
  maxUnavailable: { fixed: 0 },
};

describe("groups that move by themselves", () => {
  it("a scale-out during a pause adds machines of the stable release only, and the pause holds", async () => {
    world = await Playground.fleet();
    await world.autoscaler(4);
    await world.image("web-2");
    await world.untilPhase("baking");
    await world.order({ kind: "pause", reason: "looking" });
    await world.steps(2);
    await world.scaleTo(9);
    await world.steps(20);
    expect([await world.running(), await world.scalerMode()]).toEqual([{ "web-1": 8, "web-2": 1 }, "ON"]);
    await world.order({ kind: "resume" });
    await world.untilStable("web-2");
    expect(await world.running()).toEqual({ "web-2": 9 });
  });

  it("a scale-out between the last look and the pause's own change is of neither more than one new machine", async () => {
    await rolling("baking");
    let grown = false;
    world.before = async (call) => {
      if (grown || !isGroupPatch(call)) return;
      grown = true;
      await world.resize(8);
    };
    await world.order({ kind: "pause", reason: "looking" });
    await world.steps(5);
    expect([grown, await world.running()]).toEqual([true, { "web-1": 7, "web-2": 1 }]);
  });

  it("a group that shrinks to nothing in the middle of a step and grows again proves nothing meanwhile, and finishes", async () => {
    await rolling("baking", { size: 6 });
    await world.resize(0);
    await world.steps(40);
    expect([(await world.record()).active?.passed, await world.words()]).toEqual([[], ["group-empty"]]);
    await world.resize(5);
    await world.untilStable("web-2");
    expect(await world.running()).toEqual({ "web-2": 5 });
  });

  it("the canary that is preempted before it is ready blames nobody", async () => {
    world = await Playground.fleet({
      template: { scheduling: { provisioningModel: "SPOT" } },
      file: { limits: { progress: "3m" } },
    });
    world.behaviours.set("web-2", { report: "silent" });
    await world.image("web-2");
    await world.until(async () => world.specs("web-2").length === 1);
    await world.steps(2);
    const [canary] = world.specs("web-2");
    world.behaviours.clear();
    if (canary) await world.preempt(canary);
    await world.untilStable("web-2");
    expect([(await world.record()).quarantine, (await world.record()).rollouts]).toEqual([[], 1]);
    expect(world.specs("web-2").map(({ id }) => id)).not.toContain(canary?.id);
  });

  it("the canary that is preempted at each of its first four bakes, ready every time, blames nobody", async () => {
    await rolling("baking", {
      template: { scheduling: { provisioningModel: "SPOT" } },
      file: { steps: [{ canary: 1, bake: "30s" }, { share: "100%" }] },
    });
    for (let bake = 0; bake < 4; bake++) {
      await world.untilPhase("baking");
      const [canary] = world.specs("web-2");
      if (canary) await world.preempt(canary);
      await world.until(async () => (await world.phase()) !== "baking");
    }
    expect((await world.record()).active).toMatchObject({ bakesLost: 0, failed: {} });
    await world.untilStable("web-2");
    expect([(await world.record()).quarantine, (await world.record()).rollouts]).toEqual([[], 1]);
  });

  it.each(["baking", "final-bake"])(
    "all machines preempted at once while %s: it goes on when they are back",
    async (phase) => {
      await rolling(phase, {
        template: { scheduling: { provisioningModel: "SPOT" } },
        file: { limits: { progress: "3m" } },
      });
      for (const spec of [...world.bed.machines.values()]) await world.preempt(spec);
      await world.untilStable("web-2");
      expect([await world.running(), (await world.record()).quarantine]).toEqual([{ "web-2": 4 }, []]);
    },
  );

  it("a zone of a regional group that has no room in the middle of a step: the others take what they can, and nothing is blamed", async () => {
    world = await Playground.open();
    await world.group({ region: "us-central1", size: 6 });
    await world.takeOn({
      groups: [{ region: "us-central1", name: "web", base: "web-base" }],
      replace: { above: 3, missing: 0 },
      steps: [{ canary: 2, bake: "6s" }, { share: "100%" }],
    });
    await world.image("web-2");
    await world.untilPhase("baking");
    await world.exhaust("us-central1-b");
    await world.until(async () => ["paused", undefined].includes(await world.phase()));
    expect([(await world.record()).quarantine, world.fewest]).toEqual([[], 6]);
    await world.exhaust();
    if ((await world.phase()) === "paused") await world.order({ kind: "resume" });
    await world.untilStable("web-2");
  });
});

describe("inputs that change under a rollout", () => {
  it("a newer image during the bake waits in the pending slot, then rolls; there is never a third template", async () => {
    await rolling("baking", { file: { steps: [{ canary: 1, bake: "3m" }, { share: "100%" }] } });
    await world.image("web-3");
    await world.until(async () => (await world.words()).includes("pending"));
    await world.untilStable("web-2");
    await world.untilStable("web-3");
    expect(await world.running()).toEqual({ "web-3": 4 });
  });

  it("the head deprecated during the bake: put back, and the image is not blamed", async () => {
    await rolling("baking", { file: { steps: [{ canary: 1, bake: "3m" }, { share: "100%" }] } });
    await world.deprecate("web-2", "DEPRECATED");
    await world.untilEnded("rolled-back");
    expect((await world.record()).last?.why.word).toBe("superseded");
    expect([(await world.record()).quarantine, await world.running()]).toEqual([[], { "web-1": 4 }]);
    await world.steps(5);
    expect([await world.words(), (await world.record()).rollouts]).toEqual([["up-to-date"], 1]);
  });

  it("the image made OBSOLETE in the middle of a step: machines of it can no longer be made, so the old ones come back", async () => {
    await rolling("baking", { size: 6, file: { steps: [{ canary: 1, bake: "2m" }, { share: "100%" }] } });
    await world.deprecate("web-2", "OBSOLETE");
    await world.untilEnded("rolled-back");
    expect([await world.running(), world.fewest, (await world.record()).quarantine]).toEqual([{ "web-1": 6 }, 6, []]);
  });

  it("an approval of what is no longer the candidate approves nothing, and says which one is", async () => {
    world = await Playground.fleet({ file: { mode: "approve" } });
    await world.image("web-2");
    await world.step();
    const seen = (await world.record()).candidate?.release.digest;
    await world.image("web-3");
    await world.step();
    await world.order({ kind: "approve", release: seen });
    await world.look();
    const [refused] = (await world.history()).filter(({ what }) => what === "command-refused");
    expect(refused?.text).toMatch(/is not what the inputs ask for now, which is .* \(web-3\)/);
    await world.steps(10);
    expect((await world.record()).rollouts).toBe(0);
  });

  it("an approval that is read in the look in which its candidate changes approves nothing", async () => {
    world = await Playground.fleet({ file: { mode: "approve" } });
    await world.image("web-2");
    await world.step();
    await world.image("web-3");
    await world.order({ kind: "approve" });
    await world.steps(20);
    expect([(await world.record()).rollouts, await world.running()]).toEqual([0, { "web-1": 4 }]);
  });

  it("a fleet file with other groups is refused while a rollout is under way", async () => {
    await rolling("baking");
    await world.apply({ groups: [{ zone: "us-central1-b", name: "web", base: "web-base" }] });
    await world.look();
    const [refused] = (await world.history()).filter(({ what }) => what === "command-refused");
    expect(refused?.text).toMatch(/groups of a fleet cannot change while web-1 is under way/);
    await world.untilStable("web-2");
    expect((await world.record()).policy?.groups).toMatchObject([{ location: ZONE }]);
  });

  it("a template deleted before its group uses it, and its base replaced since: paused with its name, nobody is blamed, and a rollback ends it", async () => {
    world = await Playground.open();
    await world.template("web-old");
    await world.group({ body: { versions: [{ instanceTemplate: "global/instanceTemplates/web-old" }] } });
    await world.takeOn();
    world.refuse = busy;
    await world.image("web-2");
    await world.untilPhase("applying");
    const { template = "" } = Object.values((await world.record()).active?.groups ?? {})[0] ?? {};
    await world.deleteTemplate(template);
    await world.deleteTemplate("web-base");
    await world.template("web-base", { machineType: "e2-medium" });
    world.refuse = () => undefined;
    await world.untilPhase("paused");
    expect(await world.said()).toMatch(new RegExp(`instanceTemplates/${template}' was not found`));
    await world.order({ kind: "rollback" });
    await world.untilEnded("rolled-back");
    expect([(await world.record()).quarantine, await world.running()]).toEqual([[], { "web-1": 4 }]);
  });

  it("a template that the group uses cannot be deleted under it", async () => {
    await rolling("baking");
    const { template = "" } = Object.values((await world.record()).active?.groups ?? {})[0] ?? {};
    expect(await world.deleteTemplate(template)).toBe(400);
    await world.untilStable("web-2");
  });
});

describe("a person and the machine at the same time", () => {
  it("an abort between save and effect: whoever saved before it does nothing any more", async () => {
    world = await Playground.fleet({ group: { updatePolicy: AS_ASKED } });
    await world.image("web-2");
    const write = world.cloud.state.write.bind(world.cloud.state);
    let aborted = false;
    world.cloud.state.write = async (name, text, generation) => {
      const saved = await write(name, text, generation);
      if (!aborted && name.endsWith("record.json") && JSON.parse(text).active?.phase === "applying") {
        aborted = true;
        await world.order({ kind: "abort", reason: "no" });
        await reconcile(world.cloud, "web");
      }
      return saved;
    };
    await world.until(async () => aborted);
    await world.steps(60);
    expect([await world.running(), (await world.record()).last?.why.word]).toEqual([{ "web-1": 4 }, "aborted"]);
    expect([world.changes.filter(isGroupPatch), await world.words()]).toEqual([[], ["quarantined"]]);
  });

  it("a change that is given up in the look in which Compute would take it again is not made beside the pause", async () => {
    world = await Playground.fleet();
    world.refuse = busy;
    await world.image("web-2");
    await world.untilPhase("applying");
    await world.pass(90_000);
    world.refuse = () => undefined;
    const before = world.changes.length;
    await world.steps(40);
    expect([await world.phase(), await world.running()]).toEqual(["paused", { "web-1": 4 }]);
    const asked = world.changes.slice(before).filter(isGroupPatch);
    expect(asked.map(({ body }) => body)).toMatchObject([{ updatePolicy: { type: "OPPORTUNISTIC" } }]);
    expect(await world.words()).not.toContain("external-change");
    await world.order({ kind: "resume" });
    await world.untilStable("web-2");
  });

  it("an abort while the change is on its way to Compute: nothing of the new release stays", async () => {
    world = await Playground.fleet({ group: { updatePolicy: AS_ASKED } });
    let aborted = false;
    world.before = async (call) => {
      if (aborted || !isGroupPatch(call)) return;
      aborted = true;
      await world.order({ kind: "abort", reason: "no" });
      await reconcile(world.cloud, "web");
    };
    await world.image("web-2");
    await world.until(async () => aborted);
    await world.steps(20);
    expect([await world.running(), (await world.record()).active]).toEqual([{ "web-1": 4 }, null]);
  });

  it("a reconciler that slept for an hour and wakes after an abort changes nothing", async () => {
    world = await Playground.fleet();
    await world.image("web-2");
    await world.untilPhase("baking");
    let wake = () => {};
    const read = world.cloud.reports.list.bind(world.cloud.reports);
    let sleeps = true;
    world.cloud.reports.list = async (prefix) => {
      const found = await read(prefix);
      if (sleeps) {
        sleeps = false;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return found;
    };
    await world.pass(7_000);
    const sleeper = reconcile(world.cloud, "web");
    await world.pass(100);
    await world.order({ kind: "abort", reason: "no" });
    await world.untilEnded("rolled-back");
    await world.pass(3_600_000);
    const before = world.changes.length;
    wake();
    await sleeper;
    await world.steps(5);
    expect([world.changes.length - before, await world.running()]).toEqual([0, { "web-1": 4 }]);
  });

  it.each(["paused", "parked", "gating", "finishing", "restoring"])(
    "a rollback while %s: the old release comes back, and the fleet is held",
    async (phase) => {
      const windows = [{ days: "thu", from: "10:00", to: "10:01", zone: "UTC" }];
      const parked = phase === "parked" ? { windows, steps: [{ canary: 1, bake: "2m" }, { share: "100%" }] } : {};
      const gates = phase === "gating" ? { gates: ["reports", "approval"] } : {};
      world = await Playground.fleet({ file: { ...parked, ...gates } });
      if (phase === "restoring") world.behaviours.set("web-2", { report: "failed" });
      world.refuse = (call) => (JSON.stringify(call.body ?? {}).includes("OPPORTUNISTIC") ? busy(call) : undefined);
      await world.image("web-2");
      if (phase === "paused") {
        await world.untilPhase("baking");
        await world.order({ kind: "pause", reason: "looking" });
      }
      await world.untilPhase(phase);
      await world.order({ kind: "rollback" });
      await world.look();
      world.refuse = () => undefined;
      await world.untilEnded("rolled-back");
      await world.steps(5);
      expect(await world.running()).toEqual({ "web-1": 4 });
      expect((await world.record()).hold?.by).toBe("ada");
    },
  );

  it("a hold that ends while a rollout is under way: neither stops that one, and the next image rolls by itself", async () => {
    await rolling("baking", { file: { steps: [{ canary: 1, bake: "2m" }, { share: "100%" }] } });
    const until = new Date(world.bed.clock.now() + 60_000).toISOString();
    await world.order({ kind: "hold", reason: "fair", until });
    await world.step();
    expect((await world.record()).hold?.until).toBe(until);
    await world.untilStable("web-2");
    expect((await world.record()).hold).toBeNull();
    await world.image("web-3");
    await world.untilStable("web-3");
  });

  it("stop --direct in the middle of a step: nothing more is replaced, the functions see it and pause, resume goes on", async () => {
    await rolling("baking", { size: 6 });
    await world.until(async () => (await world.record()).active?.step === 1);
    const { policy } = await world.record();
    if (!policy) throw new Error("no policy");
    const frozen = await freezeFleet(world.compute, await world.record(), policy);
    expect(frozen.map(({ failed }) => failed)).toEqual([undefined]);
    const at = await world.running();
    await world.steps(20);
    expect([await world.phase(), (await world.groupNow()).updatePolicy.type]).toEqual(["paused", "OPPORTUNISTIC"]);
    expect((await world.running())["web-2"]).toBeLessThanOrEqual(at["web-2"] ?? 0);
    await world.order({ kind: "start" });
    await world.untilStable("web-2");
    expect(await world.running()).toEqual({ "web-2": 6 });
  });

  it("stop --direct and then a rollback by the functions that are back: the old release everywhere", async () => {
    await rolling("baking");
    const record = await world.record();
    if (!record.policy) throw new Error("no policy");
    await freezeFleet(world.compute, record, record.policy);
    await world.order({ kind: "rollback" });
    await world.untilEnded("rolled-back");
    expect(await world.running()).toEqual({ "web-1": 4 });
  });

  it("a rollback whose template is gone is refused with the name, and touches nothing", async () => {
    await rolling("baking");
    await world.untilStable("web-2");
    await world.image("web-3");
    await world.untilStable("web-3");
    const old = Object.values((await world.record()).previous[0]?.versions ?? {})[0]?.[0]?.instanceTemplate ?? "";
    expect(await world.deleteTemplate(old.slice(old.lastIndexOf("/") + 1))).toBe(200);
    const before = world.changes.length;
    await world.order({ kind: "rollback" });
    await world.steps(5);
    expect((await world.record()).last).toMatchObject({ ending: "cancelled", why: { word: "base-missing" } });
    expect([world.changes.length - before, await world.running()]).toEqual([0, { "web-3": 4 }]);
  });

  it("a group deleted in the middle of a rollout is said by name, and a rollback ends the rollout", async () => {
    await rolling("baking");
    await world.deleteGroup();
    await world.steps(3);
    expect([await world.words(), await world.said()]).toEqual([
      ["group-missing"],
      expect.stringContaining("us-central1-a/web"),
    ]);
    await world.order({ kind: "rollback" });
    await world.untilEnded("rolled-back");
  });
});

describe("what is out of reach", () => {
  it("the reports bucket unreadable for ten minutes delays the rollout and blames nobody, and a person is heard meanwhile", async () => {
    await rolling("converging");
    const list = world.cloud.reports.list;
    world.cloud.reports.list = async () => {
      throw new Failure("unavailable", 503, "list reports", "backend error");
    };
    await world.steps(5, 60_000);
    await world.order({ kind: "pause", reason: "what is this?" });
    await world.steps(2, 60_000);
    expect(await world.phase()).toBe("paused");
    await world.order({ kind: "resume" });
    await world.steps(3, 60_000);
    world.cloud.reports.list = list;
    await world.untilStable("web-2");
    expect([(await world.record()).quarantine, (await world.record()).rollouts]).toEqual([[], 1]);
  });

  it.each([
    ["ten minutes back", -600_000],
    ["an hour ahead", 3_600_000],
  ])("the functions' clock jumping %s during the bake: nobody is blamed, and it ends", async (_, jump) => {
    await rolling("baking");
    world.skewMs = jump;
    await world.steps(20, 60_000);
    await world.untilStable("web-2");
    expect((await world.record()).quarantine).toEqual([]);
  });

  it("two fleets on one budget never have more new machines under way than it has", async () => {
    world = await Playground.open();
    const budget = { name: "shared", machines: 2 };
    for (const [name, zone] of [
      ["a", ZONE],
      ["b", "us-central1-b"],
    ] as const) {
      await world.group({ name, zone });
      await world.takeOn({ fleet: name, groups: [{ zone, name, base: "web-base" }], budget });
    }
    await world.image("web-2");
    let most = 0;
    for (let i = 0; i < 200 && (await world.record("a")).stable?.release.image.name !== "web-2"; i++) {
      await Promise.all([world.look("a"), world.look("b")]);
      const { leases = [] } = JSON.parse(world.cloud.state.objects.get("budgets/shared.json")?.text ?? "{}");
      most = Math.max(
        most,
        leases.reduce((sum: number, { machines }: { machines: number }) => sum + machines, 0),
      );
      await world.pass(2_000);
    }
    await world.untilStable("web-2", "a");
    await world.untilStable("web-2", "b");
    expect(most).toBe(2);
  });
});

describe("small groups", () => {
  it("one machine is not rolled by itself, and is where the fleet file accepts it", async () => {
    world = await Playground.fleet({ size: 1 });
    await world.image("web-2");
    await world.steps(5);
    expect([await world.words(), (await world.record()).rollouts]).toEqual([["single-machine"], 0]);
    await world.apply({ accept: { singleMachine: true } });
    await world.untilStable("web-2");
    expect([await world.running(), world.fewest]).toEqual([{ "web-2": 1 }, 1]);
  });

  it("one machine whose new release is bad: the old one served all the while, and serves again", async () => {
    world = await Playground.fleet({ size: 1, file: { accept: { singleMachine: true } } });
    world.behaviours.set("web-2", { health: "UNHEALTHY" });
    await world.image("web-2");
    await world.untilEnded("rolled-back");
    expect([await world.running(), world.fewest]).toEqual([{ "web-1": 1 }, 1]);
  });

  it("a group without machines in the first wave: nothing begins, and the reason names it; beside one that has some it follows", async () => {
    world = await Playground.open();
    await world.group();
    await world.group({ name: "spare", zone: "us-central1-b", size: 0 });
    await world.takeOn({
      groups: [
        { zone: ZONE, name: "web", base: "web-base", wave: 2 },
        { zone: "us-central1-b", name: "spare", base: "web-base", wave: 1 },
      ],
    });
    await world.image("web-2");
    await world.steps(5);
    expect([await world.words(), await world.said()]).toEqual([
      ["group-empty"],
      expect.stringContaining("us-central1-b/spare"),
    ]);
    await world.resize(2, "spare");
    await world.untilStable("web-2");
    expect([await world.running(), await world.running("spare")]).toEqual([{ "web-2": 4 }, { "web-2": 2 }]);
    await world.resize(0, "spare");
    await world.apply({
      groups: [
        { zone: ZONE, name: "web", base: "web-base" },
        { zone: "us-central1-b", name: "spare", base: "web-base" },
      ],
    });
    await world.image("web-3");
    await world.untilStable("web-3");
    expect(await world.running()).toEqual({ "web-3": 4 });
  });
});
