import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Bed,
  type Group,
  image,
  type Json,
  type Managed,
  ORIGIN,
  PROJECT,
  startBed,
  template,
  templateUrl,
} from "./bed.ts";

const REGIONAL = `${ORIGIN}/${PROJECT}/regions/us-central1`;
const WEB = `${REGIONAL}/instanceGroupManagers/web`;

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
  await image(bed, "image-1", { family: "web" });
  await template(bed, "one", "image-1");
  await template(bed, "two", "image-1", { machineType: "e2-medium" });
});
afterEach(() => bed.close());

const make = (targetShape: string, targetSize: number, more: Json = {}) =>
  bed.call("POST", `${REGIONAL}/instanceGroupManagers`, {
    name: "web",
    targetSize,
    versions: [{ instanceTemplate: templateUrl("one") }],
    distributionPolicy: { targetShape },
    ...more,
  });
const exhaust = (...zones: string[]) =>
  bed.patch("/emulator/limits", { exhaustedZones: zones.map((zone) => `us-central1-${zone}`) });
const look = () => bed.get<Group & { distributionPolicy: Json }>(WEB);
const machines = async () =>
  (await bed.post<{ managedInstances?: Managed[] }>(`${WEB}/listManagedInstances`)).managedInstances ?? [];
/** Machines by zone, like `{ a: 2, b: 1 }`. */
async function spread(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { instance } of await machines()) {
    const at = /us-central1-(\w)\//.exec(instance)?.[1] ?? "";
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}
async function settled(): Promise<Group> {
  for (let passed = 0; passed <= 300_000; passed += 100) {
    const group = await look();
    if (group.status.isStable) return group;
    await bed.clock.advance(100);
  }
  throw new Error(`not stable: ${JSON.stringify(await machines())}`);
}
const resize = async (size: number) => {
  await bed.post(`${WEB}/resize?size=${size}`);
  await settled();
};

describe("a group of shape ANY", () => {
  test("is made where there is room, and is not redistributed", async () => {
    await exhaust("a");
    await make("ANY", 4);
    await settled();
    expect(await spread()).toEqual({ b: 4 });
    await exhaust();
    await bed.clock.advance(60_000);
    expect(await spread()).toEqual({ b: 4 });
    expect(await look()).toMatchObject({
      distributionPolicy: { targetShape: "ANY" },
      updatePolicy: { instanceRedistributionType: "NONE" },
    });
  });

  test("goes on in another zone when one runs out of room unexpectedly", async () => {
    await make("ANY", 2);
    await settled();
    expect(await spread()).toEqual({ a: 2 });
    await exhaust("a", "b");
    await resize(5);
    expect(await spread()).toEqual({ a: 2, c: 3 });
  });

  test("rolls within its bounds and keeps its size", async () => {
    await make("ANY", 3);
    await settled();
    await exhaust("a");
    await bed.patch(WEB, {
      versions: [{ instanceTemplate: templateUrl("two") }],
      updatePolicy: { type: "PROACTIVE", maxSurge: { fixed: 3 }, maxUnavailable: { fixed: 0 } },
    });
    await settled();
    expect(await spread()).toEqual({ b: 3 });
    expect((await look()).status.versionTarget.isReached).toBe(true);
  });
});

describe("a group of shape ANY_SINGLE_ZONE", () => {
  test("has all its machines in one zone, which it keeps", async () => {
    await exhaust("a");
    await make("ANY_SINGLE_ZONE", 3);
    await settled();
    expect(await spread()).toEqual({ b: 3 });
    await exhaust();
    await resize(6);
    expect(await spread()).toEqual({ b: 6 });
    await resize(1);
    expect(await spread()).toEqual({ b: 1 });
  });

  test("waits where it is when its zone has no room, and says why", async () => {
    await make("ANY_SINGLE_ZONE", 1);
    await settled();
    await exhaust("a");
    await bed.post(`${WEB}/resize?size=2`);
    await bed.clock.advance(20_000);
    expect(await spread()).toEqual({ a: 2 });
    const waiting = (await machines()).find(({ currentAction }) => currentAction === "CREATING");
    expect(waiting?.lastAttempt?.errors.errors[0]?.code).toBe("ZONE_RESOURCE_POOL_EXHAUSTED");
    await exhaust();
    expect((await settled()).targetSize).toBe(2);
  });

  test("chooses anew when it is empty", async () => {
    await make("ANY_SINGLE_ZONE", 2);
    await settled();
    await resize(0);
    await exhaust("a");
    await resize(2);
    expect(await spread()).toEqual({ b: 2 });
  });

  test("goes on where it was after the emulator stopped", async () => {
    await exhaust("a");
    await make("ANY_SINGLE_ZONE", 2);
    await settled();
    const state = JSON.parse(JSON.stringify(bed.save())) as unknown;
    await bed.close();
    bed = await startBed({ state });
    await exhaust();
    await settled();
    await resize(3);
    expect(await spread()).toEqual({ b: 3 });
  });
});

test.each(["ANY", "ANY_SINGLE_ZONE"])("a group of shape %s cannot be redistributed proactively", async (shape) => {
  const reply = await make(shape, 1, { updatePolicy: { instanceRedistributionType: "PROACTIVE" } });
  expect(reply).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringMatching(/redistribution type must be NONE for target shape/) } },
  });
});

test("instance flexibility is said not to be emulated", async () => {
  const reply = await make("ANY", 1, {
    instanceFlexibilityPolicy: { instanceSelections: { small: { machineTypes: ["e2-small"] } } },
  });
  expect(reply).toMatchObject({
    status: 501,
    body: { error: { message: expect.stringMatching(/instanceFlexibilityPolicy is not emulated/) } },
  });
});
