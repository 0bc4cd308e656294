import { afterEach, describe, expect, it } from "vitest";
import { type Behaviours, behavioursBySeed, DEFAULT_BEHAVIOURS, PLAUSIBLE } from "../../emulator/compute/behaviours.ts";
import {
  type Bed,
  type Group,
  group,
  groupUrl,
  image,
  members,
  settle,
  startBed,
  template,
  templateUrl,
  versions,
} from "./compute/bed.ts";
import { openPlace } from "./faults/place.ts";

/** What the documentation leaves open is chosen; what moult builds on must hold whatever was chosen. docs/verified.md */

let bed: Bed;
afterEach(() => bed.close());

function everyChoice(): Behaviours[] {
  let all: Behaviours[] = [DEFAULT_BEHAVIOURS];
  const vary = <Name extends keyof Behaviours>(name: Name) => {
    all = all.flatMap((before) => PLAUSIBLE[name].map((choice) => ({ ...before, [name]: choice })));
  };
  vary("unavailableRounding");
  vary("surgeRounding");
  vary("versionRounding");
  vary("scaleIn");
  vary("pausedSurge");
  return all;
}

const UPDATE = {
  type: "PROACTIVE",
  minimalAction: "REPLACE",
  replacementMethod: "SUBSTITUTE",
  maxSurge: { percent: 15 },
  maxUnavailable: { percent: 15 },
};
/** 15 percent of 11 is 1.65. */
const SIZE = 11;
const LEAST = SIZE - 2;
const MOST = SIZE + 2;

async function open(choice: Behaviours): Promise<void> {
  bed = await startBed();
  await bed.patch("/emulator/behaviours", choice);
  await group(bed, SIZE);
  await image(bed, "image-2");
  await template(bed, "two", "image-2");
}

/** Advances until `isDone`, with the bounds held at every look. */
async function watch(isDone: (group: Group) => Promise<boolean> | boolean): Promise<void> {
  for (let looks = 0; looks < 600; looks++) {
    const all = await members(bed);
    const running = all.filter((m) => m.instanceStatus === "RUNNING" && m.currentAction === "NONE").length;
    expect(all.length).toBeLessThanOrEqual(MOST);
    expect(running).toBeGreaterThanOrEqual(LEAST);
    if (await isDone(await bed.get<Group>(groupUrl()))) return;
    await bed.clock.advance(50);
  }
  throw new Error("it did not come to an end");
}

const arrived = ({ status }: Group) => status.isStable && status.versionTarget.isReached;

describe.each(everyChoice().map((choice) => [Object.values(choice).join(" "), choice] as const))(
  "%s",
  (_name, choice) => {
    it("a step, a pause, a way back and a rollout keep their bounds and arrive", async () => {
      await open(choice);
      // A canary by percentage has at least one machine and at most the next whole number.
      await bed.patch(groupUrl(), {
        versions: [
          { instanceTemplate: templateUrl("one") },
          { instanceTemplate: templateUrl("two"), targetSize: { percent: 15 } },
        ],
        updatePolicy: UPDATE,
      });
      await watch(arrived);
      const canaries = (await versions(bed)).filter((name) => name === "two").length;
      expect([1, 2]).toContain(canaries);

      // Paused in the middle: it comes to rest, and no machine that serves is missed.
      await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two") }], updatePolicy: UPDATE });
      await bed.clock.advance(400);
      await bed.patch(groupUrl(), { updatePolicy: { type: "OPPORTUNISTIC" } });
      await watch(({ status }) => status.isStable);
      const paused = await members(bed);
      expect(paused.length).toBeGreaterThanOrEqual(SIZE);
      expect(paused.length).toBeLessThanOrEqual(choice.pausedSurge === "kept" ? MOST : SIZE);

      // Put back, then forward to the end.
      await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("one") }], updatePolicy: UPDATE });
      await watch(arrived);
      expect(await versions(bed)).toEqual(Array.from({ length: SIZE }, () => "one"));
      await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two") }], updatePolicy: UPDATE });
      await watch(arrived);
      expect(await versions(bed)).toEqual(Array.from({ length: SIZE }, () => "two"));
    });
  },
);

describe("a scale-in", () => {
  it.each([
    ["newest", ["a", "b"]],
    ["oldest", ["b", "c"]],
  ] as const)("takes the %s", async (scaleIn, left) => {
    bed = await startBed();
    await bed.patch("/emulator/behaviours", { scaleIn });
    await group(bed, 1);
    const first = (await members(bed)).map(({ name }) => name);
    const names = [...first];
    for (const size of [2, 3]) {
      await bed.post(`${groupUrl()}/resize?size=${size}`);
      await settle(bed);
      names.push(...(await members(bed)).map(({ name }) => name).filter((name) => !names.includes(name)));
    }
    await bed.post(`${groupUrl()}/resize?size=2`);
    await settle(bed);
    const letters = (await members(bed)).map(({ name }) => "abc"[names.indexOf(name)]).sort();
    expect(letters).toEqual(left);
  });
});

describe("the choices", () => {
  it("are made by a seed, the same again for the same seed, and every one by some seed", async () => {
    bed = await startBed();
    const chosen = Array.from({ length: 1000 }, (_, i) => behavioursBySeed(String(i)));
    expect(behavioursBySeed("7")).toEqual(chosen[7]);
    expect(new Set(chosen.map((choice) => JSON.stringify(choice))).size).toBe(everyChoice().length);
    expect(await bed.post("/emulator/behaviours:choose", { seed: "7" })).toEqual(chosen[7]);
    expect(await bed.get("/emulator/behaviours")).toEqual(chosen[7]);
  });

  it("hold for the whole emulator when it is started with a seed", async () => {
    bed = await startBed();
    const place = await openPlace({ behaviours: "7" });
    expect(await place.ask("GET", "/emulator/behaviours")).toEqual(behavioursBySeed("7"));
    await place.emulator.close();
  });

  it("refuse what is not plausible", async () => {
    bed = await startBed();
    expect((await bed.call("PATCH", "/emulator/behaviours", { scaleIn: "best" })).status).toBe(400);
    expect((await bed.call("PATCH", "/emulator/behaviours", { constructor: "up" })).status).toBe(400);
  });
});
