import { median } from "../agent/measure.ts";
import type { Section } from "../agent/sections.ts";
import type { Bundles } from "./bundles.ts";
import { timeDecide } from "./decide.ts";
import { type Fleet, makeFleet, prepareProject, publishImage } from "./fleet.ts";
import { type Ground, openGround } from "./ground.ts";
import { looksOf, roll, rollBare } from "./makespan.ts";
import { PROJECT } from "./names.ts";
import { type Call, isCompute, isLook, isStorage } from "./proxy.ts";
import { startTimes } from "./start.ts";

export type SectionName = "makespan" | "processes" | "large" | "rest" | "storm" | "decide" | "start";
type Measure = (bundles: Bundles, rounds: number) => Promise<Section>;

const seconds = (ms: number) => (ms / 1_000).toFixed(1);
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
/** From power-on until a virtual machine answers its health check. */
const BOOT_S = 3;

async function onGround<T>(kind: Ground["kind"], bundles: Bundles, work: (ground: Ground) => Promise<T>): Promise<T> {
  const ground = await openGround(kind, bundles);
  try {
    await prepareProject(ground);
    if (kind === "virtual") await ground.root.send("POST", "emulator/machines/behaviours", { bootSeconds: BOOT_S });
    return await work(ground);
  } finally {
    await ground.close();
  }
}

const surge = (size: number): Fleet => ({ name: `f${size}`, size, above: Math.ceil(size / 4) });

interface Measured {
  ms: number;
  bareMs: number;
  firstMs: number;
  looks: number;
  most: number;
}

/** Each round one rollout by moult and one bare, one after the other, so that both meet the same machine. */
async function measure(ground: Ground, fleet: Fleet, rounds: number): Promise<Measured[]> {
  await makeFleet(ground, fleet);
  // The first rollout leaves templates of moult's own to go to and fro between.
  await roll(ground, fleet, 2);
  const found: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    // As after a quiet while, which is when images come.
    await sleep(25_000);
    const { ms, firstMs, calls } = await roll(ground, fleet, round + 3);
    const template = ({ versions = {} }: { versions?: Record<string, { instanceTemplate?: string }[]> } = {}) =>
      Object.values(versions)[0]?.[0]?.instanceTemplate ?? "";
    const { stable, previous } = await ground.record(fleet.name);
    const there = await rollBare(ground, fleet, template(previous[0]));
    const back = await rollBare(ground, fleet, template(stable ?? undefined));
    const bareMs = (there + back) / 2;
    found.push({ ms, bareMs, firstMs, ...looksOf(calls) });
  }
  return found;
}

function makespanRow(fleet: Fleet, found: Measured[]): { row: string[]; ratio: number; first: number } {
  const of = (pick: (one: Measured) => number) => median(found.map(pick));
  const ratio = of(({ ms, bareMs }) => ms / bareMs);
  const first = of(({ firstMs }) => firstMs);
  const row = [
    `${fleet.size}, ${fleet.above} above`,
    `${seconds(of(({ ms }) => ms))} s`,
    `${seconds(of(({ bareMs }) => bareMs))} s`,
    `${ratio.toFixed(2)}×`,
    `${seconds(first)} s`,
    String(of(({ looks }) => looks)),
  ];
  return { row, ratio, first };
}

const MAKESPAN_HEAD = ["machines", "moult", "least", "ratio", "to the first change", "looks"];
const STEPS_NOTE =
  "Steps: canary 1 (bake 2 s), 25 % (bake 2 s), all (final bake 2 s). *moult*: from the new image being READY to the record saying succeeded, with all looks, templates and events. *least*: the same group, updater, steps, surge and bakes, driven by a loop that asks the emulator every 20 ms and decides nothing, from its first change to its last.";

function makespans(kind: Ground["kind"], sizes: number[], title: string, note: string): Measure {
  return (bundles, rounds) =>
    onGround(kind, bundles, async (ground) => {
      const rows: string[][] = [];
      const figures: Record<string, number> = {};
      for (const fleet of sizes.map(surge)) {
        const { row, ratio, first } = makespanRow(fleet, await measure(ground, fleet, rounds));
        rows.push(row);
        figures[`ratio ${fleet.size}`] = ratio;
        figures.first = Math.max(figures.first ?? 0, first);
      }
      return { title, notes: [STEPS_NOTE, note], head: MAKESPAN_HEAD, rows, figures };
    });
}

const large: Measure = (bundles) =>
  onGround("virtual", bundles, async (ground) => {
    const fleet: Fleet = { name: "large", size: 2_000, above: 500 };
    await makeFleet(ground, fleet);
    const { ms, calls } = await roll(ground, fleet, 2);
    const { previous } = await ground.record(fleet.name);
    const { looks } = looksOf(calls);
    const kinds = [/instanceGroupManagers\/[^/?]+$/, /listManagedInstances/, /listErrors/];
    const compute = calls.filter((call) => isCompute(call) && call.method !== "PATCH");
    const counts = kinds.map((kind) => compute.filter(({ path }) => kind.test(path)).length);
    const perLook = counts.reduce((sum, count) => sum + count, 0) / looks;
    const base = Object.values(previous[0]?.versions ?? {})[0]?.[0]?.instanceTemplate ?? "";
    const bareMs = await rollBare(ground, fleet, base);
    return {
      title: "2,000 machines, real clock",
      notes: ["One group, 500 machines above, the steps of the tables before; once, whatever the rounds."],
      head: ["what", "found"],
      rows: [
        ["moult", `${seconds(ms)} s`],
        ["least", `${seconds(bareMs)} s`],
        ["looks", String(looks)],
        ["reads of the group a look: group, pages of its machines, errors", perLook.toFixed(1)],
        [
          "other Compute reads in the whole rollout (inputs once a minute, quotas, templates, operations)",
          String(compute.length - counts.reduce((sum, count) => sum + count, 0)),
        ],
      ],
      figures: { ratio: ms / bareMs, "calls beyond": perLook - Math.ceil(2_000 / 500) },
    };
  });

const rest: Measure = (bundles) =>
  onGround("virtual", bundles, async (ground) => {
    const fleet: Fleet = { name: "calm", size: 3, above: 1 };
    await makeFleet(ground, fleet);
    await sleep(10_000);
    const during = async (work: () => Promise<unknown>): Promise<Call[]> => {
      const from = ground.proxy.calls.length;
      await work();
      await sleep(2_500);
      return ground.proxy.calls.slice(from);
    };
    const resized = await during(async () => {
      const path = `projects/${PROJECT}/zones/us-central1-a/instanceGroupManagers/${fleet.name}/resize`;
      await ground.computeRest.send("POST", path, undefined, { size: "3" });
    });
    await sleep(5_000);
    const image = await during(() => publishImage(ground, { ...fleet, name: "other" }, 1));
    const count = (calls: Call[]) => {
      const storage = calls.filter(isStorage);
      const named = (text: string, method: string) =>
        storage.filter((call) => call.path.includes(text) && call.method === method).length;
      return {
        compute: calls.filter(isCompute).length,
        record: named("record.json", "GET"),
        bell: [named("bell.json", "GET"), named("bell.json", "POST")],
        lists: storage.filter(({ path, method }) => method === "GET" && /[?&]prefix=/.test(path)).length,
      };
    };
    const row = (what: string, calls: Call[]) => {
      const { compute, record, bell, lists } = count(calls);
      return [what, String(compute), String(record), `${bell[0]} / ${bell[1]}`, String(lists)];
    };
    return {
      title: "A fleet of one group at rest",
      notes: [
        "All calls that one event makes, from its arrival on. The look itself reads the record once; finding the fleets that an event concerns costs two lists and a read of each record besides, and the bell two writes.",
      ],
      head: ["event", "Compute reads", "record reads", "bell reads / writes", "lists of a bucket"],
      rows: [row("the group was resized", resized), row("an image of another family", image)],
      figures: { compute: count(resized).compute, image: count(image).compute },
    };
  });

const REPORTS = 10_000;

const storm: Measure = (bundles) =>
  onGround("virtual", bundles, async (ground) => {
    const fleet: Fleet = { name: "stormy", size: 6, above: 2 };
    await makeFleet(ground, fleet, { steps: [{ canary: 1, bake: "10m" }, { share: "100%" }] });
    const rolling = roll(ground, fleet, 2).catch(() => undefined);
    await ground.reach(fleet.name, "the bake", ({ active }) => active?.phase === "baking");
    await sleep(25_000);
    const from = performance.now();
    const messages = Array.from({ length: REPORTS / 500 }, () => ({ attributes: { fleet: fleet.name } }));
    for (let part = 0; part < 500; part++) {
      await ground.root.send("POST", `v1/projects/${PROJECT}/topics/moult-reports:publish`, { messages });
      await sleep(Math.max(0, from + ((part + 1) * 60_000) / 500 - performance.now()));
    }
    const arrived = performance.now() - from;
    const inMinute = ground.proxy.calls.filter(
      (call) => isLook(call) && call.at >= from && call.at < from + 60_000,
    ).length;
    await sleep(10_000);
    const after = ground.proxy.calls.filter((call) => isLook(call) && call.at >= from + arrived).length;
    const bells = ground.proxy.calls.filter(
      ({ path, at, method, status }) => path.includes("bell.json") && at >= from && method === "POST" && status === 200,
    );
    void rolling;
    return {
      title: "A storm of boot reports",
      notes: [`${REPORTS} messages of reports for one fleet, evenly over a minute, while its canary bakes.`],
      head: ["what", "found"],
      rows: [
        ["the messages were published in", `${seconds(arrived)} s`],
        ["looks in that minute", String(inMinute)],
        ["looks within ten seconds after the last", String(after)],
        ["writes of the bell", String(bells.length)],
      ],
      figures: { looks: inMinute, after },
    };
  });

const decided: Measure = async (_, rounds) => {
  const rows = [6, 200, 2_000].map((machines) => ({ machines, ...timeDecide(machines, 50 + rounds * 50) }));
  return {
    title: "decide()",
    notes: [
      "In this process, in the middle of the last step, half of the machines not healthy yet. Beside it the cost of a copy of the record through JSON text, which it does not make.",
    ],
    head: ["machines", "decide", "copy by JSON", "record"],
    rows: rows.map(({ machines, ms, copyMs, recordKiB }) => [
      String(machines),
      `${ms.toFixed(2)} ms`,
      `${copyMs.toFixed(2)} ms`,
      `${recordKiB.toFixed(0)} KiB`,
    ]),
    figures: { ms: rows.at(-1)?.ms ?? Number.NaN },
  };
};

const start: Measure = (bundles, rounds) =>
  onGround("virtual", bundles, async ({ env }) => {
    const { hello, idle, rung, ratio, cpuRatio } = await startTimes(bundles, env, 4 + rounds * 2);
    const row = (what: string, { ms, cpuMs }: typeof hello) => [what, `${ms.toFixed(0)} ms`, `${cpuMs.toFixed(0)} ms`];
    return {
      title: "A function's start",
      notes: [
        "The framework's own command, from its start to the first answer of 2xx to an event; moult's functions as they are deployed, against one that does nothing. The ratio compares nothing with nothing: an event of moult's own doing, storage client loaded. That of processor time hardly changes when others use the machine. The other event reads and writes the bell and reads the record on the emulator.",
      ],
      head: ["what", "time", "processors"],
      rows: [
        row("hello world", hello),
        row("moult, an event that is no news", idle),
        row("moult, an event that makes a look at a fleet nobody knows", rung),
        ["ratio", `${ratio.toFixed(2)}×`, `${cpuRatio.toFixed(2)}×`],
        ["bundle, read at every start", `${(bundles.startBytes / 1e6).toFixed(2)} MB`, ""],
        [
          "bundle, all chunks (pubsub and secret-manager at first use)",
          `${(bundles.allBytes / 1e6).toFixed(2)} MB`,
          "",
        ],
      ],
      figures: { ratio, cpuRatio, startMB: bundles.startBytes / 1e6, allMB: bundles.allBytes / 1e6 },
    };
  });

export const sections: Record<SectionName, Measure> = {
  makespan: makespans(
    "virtual",
    [6, 20, 60],
    "Rollouts of virtual machines",
    `A machine answers its health check ${BOOT_S} s after power-on and reports nothing: health has no event, so this is the hard case. The check asks every second.`,
  ),
  processes: makespans(
    "process",
    [6, 20],
    "Rollouts of real processes",
    "Machines boot through the agent, report and are health-checked; they, the emulator and the functions share this computer.",
  ),
  large,
  rest,
  storm,
  decide: decided,
  start,
};

export const isSection = (name: string): name is SectionName => name in sections;
