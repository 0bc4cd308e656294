import { describe, expect, it } from "vitest";
import { DEFAULT_BEHAVIOURS } from "../../../emulator/compute/behaviours.ts";
import { ring } from "../../../functions/controller/bell.ts";
import { reconcile } from "../../../functions/controller/reconcile.ts";
import { loadRecord, paths } from "../../../functions/controller/records.ts";
import type { Wish } from "../../../functions/controller/wish.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { ModelCloud } from "../core/histories/cloud.ts";
import { computeOf } from "../core/histories/compute.ts";
import { Draws } from "../core/histories/draws.ts";
import { type Fakes, fakeCloud, MemoryBucket, settled } from "./fakes.ts";

const MINUTE = 60_000;
const SWEEP = 10 * MINUTE;

const document = {
  fleet: "web",
  project: "acme-prod",
  groups: [{ zone: "us-central1-a", name: "web", base: "web-base" }],
  follows: { family: "web" },
  steps: [{ canary: 1, bake: "20s" }, { share: "50%", bake: "20s" }, { share: "100%" }],
  finalBake: "20s",
  limits: { progress: "5m" },
  replace: { above: 2, missing: 0 },
};

/** Dies in the middle of a call; what had happened by then has happened. */
class Killed extends Error {}

interface Storm {
  cloud: Fakes;
  model: ModelCloud;
  /** Changes of the cloud and of the state bucket that were made, in order. */
  changes: string[];
  /** Kills whoever makes that change, before it is made or after. */
  kill: { at: number; after: boolean } | undefined;
}

let storms = 0;

/** A fleet of six that was taken on, over a model of Compute Engine with the emulator's own updater. */
async function storm(): Promise<Storm> {
  const model = new ModelCloud({
    seed: 7,
    behaviours: DEFAULT_BEHAVIOURS,
    follower: false,
    hashed: false,
    groups: [
      {
        name: "web",
        location: "us-central1-a",
        regional: false,
        size: 6,
        wave: 1,
        checked: true,
        repairs: true,
        autoscaler: "ON",
        inPlace: false,
        own: "opportunistic",
      },
    ],
  });
  const compute = computeOf(model);
  const cloud = fakeCloud(compute);
  const made: Storm = { cloud, model, changes: [], kill: undefined };
  // Judged reports are remembered by the name of their bucket.
  cloud.reports = new MemoryBucket(`reports-${++storms}`, cloud.time);
  cloud.verifyIdentity = async ({ token }) =>
    ({ identity: { instanceId: token } }) as Awaited<ReturnType<Fakes["verifyIdentity"]>>;
  const counted = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    const mine = made.kill?.at === made.changes.length ? made.kill : undefined;
    if (mine && !mine.after) {
      made.kill = undefined;
      throw new Killed(what);
    }
    made.changes.push(what);
    if (!mine) return call();
    made.kill = undefined;
    // What it was answered it never came to know.
    await call().catch(() => {});
    throw new Killed(what);
  };
  const { patchGroup, insertTemplate, setAutoscalerMode } = compute as Compute;
  compute.patchGroup = (...all) => counted(`patch ${all[2]}`, () => patchGroup(...all));
  compute.insertTemplate = (...all) => counted(`template ${all[0].name}`, () => insertTemplate(...all));
  compute.setAutoscalerMode = (...all) => counted(`autoscaler ${all[2]}`, () => setAutoscalerMode(...all));
  const write = cloud.state.write.bind(cloud.state);
  cloud.state.write = (...all) => counted(`write ${all[0]}`, () => write(...all));
  const remove = cloud.state.delete.bind(cloud.state);
  cloud.state.delete = (...all) => counted(`delete ${all[0]}`, () => remove(...all));
  await command(made, { kind: "apply", policy: document });
  await look(made);
  made.changes.length = 0;
  return made;
}

let orders = 0;

async function command({ cloud }: Storm, body: object): Promise<void> {
  const name = `${paths.commands("web")}${String(++orders).padStart(6, "0")}.json`;
  cloud.state.objects.set(name, {
    text: JSON.stringify({ by: "ada", ...body }),
    generation: `c${orders}`,
    created: new Date(cloud.time.now()).toISOString(),
  });
}

async function record({ cloud }: Storm) {
  return (await loadRecord(cloud.state, "web")).record;
}

/** Machines do what they do until now; what they report lies in its bucket. */
async function catchUp({ cloud, model }: Storm): Promise<void> {
  model.pass(cloud.time.now());
  for (const { release, instanceId, instanceName, verdict, reason, message } of model.reports) {
    const report = JSON.stringify({
      report: 1,
      fleet: "web",
      release,
      instance: { id: instanceId, name: instanceName },
      verdict,
      reason,
      message,
    });
    const name = `reports/web/${release}/${instanceId}.json`;
    if (!cloud.reports.objects.has(name))
      await cloud.reports.write(name, JSON.stringify({ report, token: instanceId }), "0");
  }
}

/** One who looks, and may be killed while looking. */
async function look(made: Storm): Promise<void> {
  await catchUp(made);
  try {
    await reconcile(made.cloud, "web");
  } catch (problem) {
    if (!(problem instanceof Killed)) throw problem;
  }
}

async function pass(made: Storm, ms: number): Promise<void> {
  await made.cloud.time.pass(ms);
  await catchUp(made);
}

/** Looks every three seconds until the rollout has ended. */
async function toTheEnd(made: Storm, between: () => Promise<void> = async () => {}): Promise<void> {
  made.model.publish("good", false);
  for (let i = 0; i < 200; i++) {
    await look(made);
    await between();
    const { active, last } = await record(made);
    if (!active && last) return;
    await pass(made, 3_000);
  }
  throw new Error(`it never ended: ${JSON.stringify((await record(made)).reasons)}`);
}

const patches = ({ changes }: Storm) => changes.filter((what) => what.startsWith("patch "));

/** What a fleet has come to, whatever was written about it meanwhile. */
async function cameTo(made: Storm) {
  const { active, last, rollouts, stable, quarantine, hold } = await record(made);
  const { versions, policy, autoscaler } = made.model.groups[0] ?? {};
  const templates = [...(made.model.groups[0]?.machines.values() ?? [])].map(({ template }) => template);
  return {
    active,
    ending: last?.ending,
    rollouts,
    stable: stable?.release,
    quarantine,
    hold,
    versions,
    policy,
    autoscaler,
    templates,
  };
}

function shuffled<T>(all: T[], draws: Draws): T[] {
  return all
    .map((one) => ({ one, at: draws.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

describe("every event of a rollout, ten times in random order", () => {
  const wishes: Wish[] = ["all", ["image"], ["groups"], ["reports"], ["commands"]];

  it("after the rollout changes nothing", async () => {
    const made = await storm();
    await toTheEnd(made);
    const before = await cameTo(made);
    const { changes } = made;
    const count = patches(made).length;
    const templates = changes.filter((what) => what.startsWith("template ")).length;
    const all = Array.from({ length: 10 }, () => wishes).flat();
    for (const wish of shuffled(all, new Draws(3))) {
      const rung = ring(made.cloud, "web", wish);
      await pass(made, 4_000);
      await rung;
    }
    expect(await cameTo(made)).toEqual(before);
    expect(patches(made)).toHaveLength(count);
    expect(changes.filter((what) => what.startsWith("template "))).toHaveLength(templates);
    expect(before.ending).toBe("succeeded");
  });

  it("while it goes on makes no change a second time", async () => {
    const quiet = await storm();
    await toTheEnd(quiet);
    const made = await storm();
    const draws = new Draws(5);
    await toTheEnd(made, async () => {
      const rings = shuffled([...wishes, ...wishes], draws).map((wish) => ring(made.cloud, "web", wish));
      await pass(made, 3_000);
      void Promise.all(rings);
    });
    expect(new Set(patches(made)).size).toBe(patches(made).length);
    expect(patches(made)).toEqual(patches(quiet));
    expect((await cameTo(made)).ending).toBe("succeeded");
  });
});

describe("a rollout whose events are all lost", () => {
  it("begins with the sweep and ends no later than the sweep after one whose events arrive", async () => {
    const heard = await storm();
    const began = heard.cloud.time.now();
    await toTheEnd(heard);
    const quick = heard.cloud.time.now() - began;

    const made = await storm();
    const since = made.cloud.time.now();
    made.model.publish("good", false);
    for (let tick = 0; tick < 60; tick++) {
      await pass(made, MINUTE);
      const { nextLook, last, active } = await record(made);
      if (last && !active) break;
      // As the tick does: who is due is rung, and then looks as often as it finds due.
      if (nextLook !== null && Date.parse(nextLook) > made.cloud.time.now()) continue;
      const rung = ring(made.cloud, "web");
      for (let i = 0; i < 20; i++) await pass(made, 2_900);
      await rung;
    }
    const { last } = await record(made);
    expect(last?.ending).toBe("succeeded");
    // The last tick may come a minute late, and hands over to the next.
    expect(Date.parse(last?.endedAt ?? "") - since).toBeLessThanOrEqual(quick + SWEEP + 4 * MINUTE);
  });
});

describe("whoever is killed", () => {
  it("at any change, before it is made or after, leaves one rollout that comes to the same end", async () => {
    const clean = await storm();
    await toTheEnd(clean);
    const wanted = await cameTo(clean);
    expect(wanted.ending).toBe("succeeded");
    const total = clean.changes.length;
    expect(total).toBeGreaterThan(15);
    for (let at = 0; at < total; at++)
      for (const after of [false, true]) {
        const made = await storm();
        made.kill = { at, after };
        await toTheEnd(made);
        const what = `killed ${after ? "after" : "before"} ${clean.changes[at]}`;
        const { rollouts, ending, versions, autoscaler, templates } = await cameTo(made);
        expect(made.kill, what).toBeUndefined();
        expect({ rollouts, ending, versions, autoscaler }, what).toEqual({
          rollouts: 1,
          ending: "succeeded",
          versions: wanted.versions,
          autoscaler: wanted.autoscaler,
        });
        expect(new Set(templates), what).toEqual(new Set(wanted.templates));
      }
  }, 120_000);
});

describe("two processes", () => {
  it("that look at the same time, again and again, change the group no more often than one does", async () => {
    const quiet = await storm();
    await toTheEnd(quiet);
    const made = await storm();
    const other: Fakes = { ...made.cloud };
    made.model.publish("good", false);
    for (let i = 0; i < 200; i++) {
      await catchUp(made);
      await Promise.all([reconcile(made.cloud, "web"), reconcile(other, "web")]);
      const { active, last } = await record(made);
      if (!active && last) break;
      await pass(made, 3_000);
    }
    // Both may ask for what is written down and not done yet: with the same request id, which Compute does once.
    expect(new Set(patches(made))).toEqual(new Set(patches(quiet)));
    expect(made.model.groups[0]?.revision).toBe(quiet.model.groups[0]?.revision);
    const { rollouts, ending } = await cameTo(made);
    expect({ rollouts, ending }).toEqual({ rollouts: 1, ending: "succeeded" });
  });
});

describe("whoever sleeps for an hour between saving and acting", () => {
  for (const word of ["abort", "rollback", "stop", "pause"] as const)
    it(`and wakes after a person said ${word} does nothing`, async () => {
      const made = await storm();
      const { cloud, model } = made;
      const write = cloud.state.write.bind(cloud.state);
      let wake = () => {};
      let asleep = false;
      const sleeper = Object.assign(
        Object.create(Object.getPrototypeOf(cloud.state) as object) as MemoryBucket,
        cloud.state,
        {
          write: async (name: string, text: string, generation: string) => {
            const saved = await write(name, text, generation);
            const patching =
              name === paths.record("web") && /"phase": "applying"/.test(text) && /"attempt": 2/.test(text);
            if (patching && !asleep) {
              asleep = true;
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
            }
            return saved;
          },
        },
      );
      model.publish("good", false);
      let slept: Promise<unknown> | undefined;
      for (let i = 0; i < 60 && !asleep; i++) {
        await catchUp(made);
        slept = reconcile({ ...cloud, state: sleeper }, "web");
        await settled();
        if (!asleep) await slept;
        await pass(made, 3_000);
      }
      expect(asleep).toBe(true);
      await command(made, { kind: word, reason: "looking" });
      for (let i = 0; i < 30; i++) {
        await look(made);
        await pass(made, 120_000);
      }
      const before = { changes: [...made.changes], came: await cameTo(made) };
      wake();
      await slept;
      const { groups } = model;
      expect(made.changes.filter((what) => /^(patch|autoscaler|template)/.test(what))).toEqual(
        before.changes.filter((what) => /^(patch|autoscaler|template)/.test(what)),
      );
      expect((await cameTo(made)).versions).toEqual(before.came.versions);
      expect(groups[0]?.autoscaler?.mode).toBe("ON");
      expect(cloud.logged.join()).toMatch(/left undone: somebody else has decided since/);
    });
});

describe("ten thousand reports in a minute", () => {
  it("during a rollout make at most 21 looks", async () => {
    const made = await storm();
    const { cloud, model } = made;
    model.publish("silent", false);
    for (let i = 0; i < 4; i++) {
      await look(made);
      await pass(made, 3_000);
    }
    const { active } = await record(made);
    const release = active?.to.digest ?? "";
    expect(active?.phase).toBe("converging");
    const looks = () => cloud.state.listed.filter((prefix) => prefix === paths.commands("web")).length;
    const before = looks();
    const rings: Promise<void>[] = [];
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 167; i++) {
        const id = String(50_000 + second * 167 + i);
        const report = JSON.stringify({
          report: 1,
          fleet: "web",
          release,
          instance: { id, name: `m-${id}` },
          verdict: "ready",
          reason: "ready",
          message: "ready",
        });
        await cloud.reports.write(`reports/web/${release}/${id}.json`, JSON.stringify({ report, token: id }), "0");
        rings.push(ring(cloud, "web", ["reports"]));
      }
      await pass(made, 1_000);
    }
    const count = looks() - before;
    expect(count).toBeGreaterThanOrEqual(5);
    expect(count).toBeLessThanOrEqual(21);
    await pass(made, 60_000);
    await Promise.all(rings);
  }, 120_000);
});
