import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ticked } from "../../functions/controller/events.ts";
import { loadHolds, saveHolds, savePolicy } from "../../functions/controller/families.ts";
import { planRotation } from "../../functions/controller/rotation.ts";
import { withHold } from "../../functions/core/images/holds.ts";
import { instant } from "../../functions/core/instants.ts";
import { Failure } from "../../functions/google/failure.ts";
import type { Image } from "../../wire/compute.d.ts";
import { Playground, PROJECT, ZONE } from "./complaints/playground.ts";

// A family's images over twenty weeks of the driven clock: one is baked each week, fleets follow, others pin, and the daily tick
// rotates. Machines have no health check, so that weeks without news take no time.
vi.setConfig({ testTimeout: 120_000 });

const DAY_MS = 86_400_000;
const WEEKS = 20;
const LAB = "acme-lab";
const WEB = { project: PROJECT, family: "web" };
const IMAGES = `/compute/v1/projects/${PROJECT}/global/images`;

const policy = {
  ...WEB,
  rotate: { deprecate: "14d", obsolete: "14d", delete: "14d", remove: "7d" },
  retain: 2,
  consumers: [LAB],
};

/** Whether a step of rotation dies, and whether before Google hears of it or after. */
interface Deaths {
  /** Of the changing calls of a run, the number of the one it dies at; undefined: it lives. */
  at(day: number, attempt: number): number | undefined;
}

interface Life {
  world: Playground;
  /** What somebody found who looked at every moment. */
  wrong: string[];
  /** Changing calls that rotation made on images. */
  steps: number;
  deaths: number;
  /** Steps that a second run on the same day made. */
  again: number;
}

const stateOf = ({ deprecated }: Image) => deprecated?.state ?? "ACTIVE";

async function states(world: Playground): Promise<Record<string, string>> {
  const images = await world.compute.images("web");
  return Object.fromEntries(images.map((image) => [image.name, stateOf(image)]).sort());
}

/** Images that machines run, group templates name, or the fleets' releases name: found without a line of what is tested. */
async function needed(world: Playground): Promise<Set<string>> {
  const found = new Set([...world.bed.machines.values()].map(({ image }) => lastOf(image)));
  for (const { versions = [] } of await world.compute.allGroups())
    for (const { instanceTemplate = "" } of versions) {
      const template = await world.compute.template(lastOf(instanceTemplate));
      found.add(lastOf(template?.properties.disks?.[0]?.initializeParams?.sourceImage ?? ""));
    }
  for (const fleet of ["web", "shop"]) {
    const { stable, previous } = await world.record(fleet);
    for (const kept of [stable, ...previous]) if (kept) found.add(kept.release.image.name);
  }
  return found;
}

const lastOf = (url: string) => url.slice(url.lastIndexOf("/") + 1);
const daily = { message: { attributes: { daily: "true" } }, subscription: "s" };

/** The daily tick, perhaps dying at a call, and then again as often as it takes; and once more. */
async function rotate(life: Life, day: number, deaths: Deaths): Promise<void> {
  const { world } = life;
  const head = (await world.compute.head("web"))?.name;
  let ran = 0;
  for (let attempt = 0; ; attempt++) {
    const dies = deaths.at(day, attempt);
    let calls = 0;
    world.before = async ({ method, path, body }) => {
      if (!/global\/images\//.test(path)) return;
      const last = calls++;
      if (dies === undefined || last < dies) {
        life.steps += 1;
        return;
      }
      // Every second death comes after Google has heard of the call.
      if (last === dies && day % 2 === 0) await world.bed.call(method, `/compute/v1/${path}`, body);
      throw new Error("killed");
    };
    try {
      ran = world.bed.clock.now();
      await ticked(world.cloud, daily);
      if (dies !== undefined && calls > dies) throw new Error("a kill must not be swallowed");
      break;
    } catch (problem) {
      if ((problem as Error).message !== "killed") throw problem;
      life.deaths += 1;
      // The process that died took its other calls with it.
      await world.advance(500);
    } finally {
      await watch(life, day, head);
    }
  }
  world.before = ({ path }) => {
    if (/global\/images\//.test(path)) life.again += 1;
  };
  // At the same instant: seconds later another image may be old enough.
  world.skewMs = ran - world.bed.clock.now();
  await ticked(world.cloud, daily);
  world.skewMs = 0;
  world.before = () => {};
  await watch(life, day, head);
}

async function watch({ world, wrong }: Life, day: number, head: string | undefined): Promise<void> {
  const now = (await world.compute.head("web"))?.name;
  if (now !== head) wrong.push(`day ${day}: the head was ${head} and is ${now}`);
  const present = await states(world);
  for (const name of await needed(world)) {
    if (!/^web-/.test(name)) continue;
    if (present[name] !== "ACTIVE" && present[name] !== "DEPRECATED")
      wrong.push(`day ${day}: ${name} is needed and ${present[name] ?? "gone"}`);
  }
}

async function live(deaths: Deaths): Promise<Life> {
  const world = await Playground.fleet({ size: 2, group: { autoHealingPolicies: [] }, file: { gates: ["reports"] } });
  const life: Life = { world, wrong: [], steps: 0, deaths: 0, again: 0 };
  // Its time is the cloud's: what is made with a clock of its own would be from the future.
  await world.group({ name: "shop", zone: "us-central1-b", size: 2, body: { autoHealingPolicies: [] } });
  await world.apply({
    fleet: "shop",
    gates: ["reports"],
    groups: [{ zone: "us-central1-b", name: "shop", base: "web-base" }],
    follows: { fleet: "web", soak: "3d" },
  });
  await savePolicy(world.cloud.state, WEB, policy);
  world.behaviours.set("web-6", { report: "failed" });
  const begun = world.bed.clock.now();
  for (let week = 1; week <= WEEKS; week++) {
    if (week > 1) await world.image(`web-${week}`);
    if (week === 6) {
      await world.untilEnded("rolled-back");
      await world.deprecate("web-6", "DEPRECATED");
    } else await world.untilStable(`web-${week}`);
    if (week === 3) await others(world);
    if (week === 5) await hold(world, "web-5", 100);
    if (week === 4) await hold(world, "web-4", 30);
    for (let day = 0; day < 7; day++) {
      await rotate(life, (week - 1) * 7 + day, deaths);
      // To the same moment in each life: an image that was stable for a second longer is one that a follower may prefer.
      await world.advance(begun + ((week - 1) * 7 + day + 1) * DAY_MS - world.bed.clock.now());
      await world.steps(6);
    }
  }
  return life;
}

/** Those who need web-2 and web-3 and are no fleets: a machine of another project, a group on a template of its own, an image. */
async function others(world: Playground): Promise<void> {
  await world.bed.post(`/compute/v1/projects/${LAB}/zones/${ZONE}/instances`, {
    name: "bench",
    machineType: `zones/${ZONE}/machineTypes/e2-small`,
    disks: [
      { boot: true, autoDelete: true, initializeParams: { sourceImage: `projects/${PROJECT}/global/images/web-2` } },
    ],
    networkInterfaces: [{ network: "global/networks/default" }],
  });
  await world.template("batch", {}, "web-3");
  await world.bed.post(`/compute/v1/projects/${PROJECT}/zones/${ZONE}/instanceGroupManagers`, {
    name: "batch",
    baseInstanceName: "batch",
    targetSize: 0,
    versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/batch` }],
  });
  await world.bed.post(IMAGES, {
    name: "tools-1",
    family: "tools",
    sourceImage: `projects/${PROJECT}/global/images/web-1`,
  });
  await world.advance(5_000);
}

async function hold(world: Playground, name: string, days: number): Promise<void> {
  const image = await world.compute.image(name);
  const { holds, generation } = await loadHolds(world.cloud.state, WEB);
  const now = instant(world.bed.clock.now());
  const until = instant(world.bed.clock.now() + days * DAY_MS);
  const made = { image: { id: image?.id ?? "", name }, reason: "audit", by: "ada", at: now, until };
  await saveHolds(world.cloud.state, WEB, withHold(holds, made, now), generation);
}

describe("twenty weeks of a family", () => {
  let quiet: Life;
  let killed: Life;
  beforeAll(async () => {
    quiet = await live({ at: () => undefined });
    // A day's first run dies at its first call, the next at its first, second or third.
    killed = await live({
      at: (day, attempt) => [0, day % 3][attempt],
    });
  });
  afterAll(async () => {
    for (const life of [quiet, killed]) await life?.world.close();
  });

  it("every image ends where its age and its use say", async () => {
    expect(await states(quiet.world)).toEqual({
      // An image of another family was made from it.
      "web-1": "DEPRECATED",
      // A machine of the consumer, and a template of a group that is no fleet's.
      "web-2": "DEPRECATED",
      "web-3": "DEPRECATED",
      // Held for 30 days, web-4 is gone by now; held for 100, web-5 has just begun.
      "web-5": "DEPRECATED",
      // So is web-6, which was put back and deprecated by a person, and everything up to web-11.
      "web-12": "DELETED",
      "web-13": "OBSOLETE",
      "web-14": "OBSOLETE",
      // What the fleet can still go back to.
      "web-15": "DEPRECATED",
      "web-16": "DEPRECATED",
      "web-17": "DEPRECATED",
      "web-18": "DEPRECATED",
      "web-19": "ACTIVE",
      "web-20": "ACTIVE",
    });
    expect(quiet.steps).toBeGreaterThan(40);
  });

  it("at no moment did the head move by rotation, and nothing that was needed could not be used", () => {
    expect(quiet.wrong).toEqual([]);
    expect(killed.wrong).toEqual([]);
  });

  it("a second run at the same instant never changed anything", () => {
    expect([quiet.again, killed.again]).toEqual([0, 0]);
  });

  it("dying at any call, before Google heard of it or after, leaves the same images with the same dates", async () => {
    expect(killed.deaths).toBeGreaterThan(25);
    const dates = async ({ world }: Life) =>
      (await world.compute.images("web")).map(({ name, deprecated }) => [
        name,
        deprecated?.state,
        ...[deprecated?.deprecated, deprecated?.obsolete, deprecated?.deleted].map((at) => at?.slice(0, 10)),
      ]);
    expect(await dates(killed)).toEqual(await dates(quiet));
  });

  it("each image that stays says what needs it, and every deprecation names what to use instead", async () => {
    const { families, broken } = await planRotation(quiet.world.cloud);
    expect(broken).toEqual([]);
    const images = families[0]?.rotation.images ?? [];
    const why = Object.fromEntries(images.map(({ image, decision }) => [image.name, decision.why]));
    expect(why["web-1"]).toMatch(/needed by image tools-1 of acme-prod, which was made from it/);
    expect(why["web-2"]).toMatch(/needed by disk bench of instance bench in acme-lab\/us-central1-a/);
    expect(why["web-3"]).toMatch(/needed by template batch of group us-central1-a\/batch/);
    expect(why["web-15"]).toMatch(/needed by the previous release .* the previous release [0-9a-f]{12} of fleet web/);
    expect(why["web-20"]).toBe("the family points to it");
    for (const { image } of images)
      if (stateOf(image) !== "ACTIVE") expect(image.deprecated?.replacement).toMatch(/\/global\/images\/web-\d+$/);
  });

  it("a consumer that cannot be read keeps everything that would go past DEPRECATED, and is named", async () => {
    const { world } = quiet;
    await world.advance(14 * DAY_MS);
    const before = (await planRotation(world.cloud)).families[0]?.rotation.images ?? [];
    const moves = before.filter(({ decision }) => decision.do !== "keep").map(({ image }) => image.name);
    expect(moves.sort()).toEqual(["web-12", "web-13", "web-14", "web-5"]);
    world.refuse = ({ path }) =>
      path.startsWith(`projects/${LAB}/aggregated/disks`)
        ? new Failure("denied", 403, `GET ${path}`, "Required 'compute.disks.list' permission")
        : undefined;
    const { families } = await planRotation(world.cloud);
    world.refuse = () => undefined;
    const [family] = families;
    expect(family?.unread).toEqual([expect.stringMatching(/the disks of acme-lab .*compute\.disks\.list/)]);
    const after = family?.rotation.images ?? [];
    expect(after.filter(({ decision }) => decision.do !== "keep")).toEqual([]);
    const unread = after.filter(({ decision }) => decision.do === "keep" && decision.rule === "unread");
    // Without the disks nobody knows of the machine that web-2 is kept for.
    expect(unread.map(({ image }) => image.name).sort()).toEqual(["web-12", "web-13", "web-14", "web-2", "web-5"]);
    expect(unread[0]?.decision.why).toMatch(/the disks of acme-lab/);
  });
});
