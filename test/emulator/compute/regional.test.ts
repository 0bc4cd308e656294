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
});
afterEach(() => bed.close());

const zone = (name: string) => ({ zone: `zones/us-central1-${name}` });
const body = (targetSize: number, more: Json = {}): Json => ({
  name: "web",
  baseInstanceName: "web",
  targetSize,
  versions: [{ instanceTemplate: templateUrl("one") }],
  ...more,
});
const make = (targetSize: number, more: Json = {}) =>
  bed.post(`${REGIONAL}/instanceGroupManagers`, body(targetSize, more));

async function settled(within = 300_000): Promise<Group> {
  for (let passed = 0; passed <= within; passed += 100) {
    const group = await bed.get<Group>(WEB);
    if (group.status.isStable) return group;
    await bed.clock.advance(100);
  }
  throw new Error("not stable");
}

async function machines(): Promise<Managed[]> {
  return (await bed.post<{ managedInstances?: Managed[] }>(`${WEB}/listManagedInstances`)).managedInstances ?? [];
}

/** Machines by zone, like `{ a: 2, b: 1 }`. */
async function spread(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { instance } of await machines()) {
    const at = /us-central1-(\w)\//.exec(instance)?.[1] ?? "";
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

describe("a regional group", () => {
  test("spreads over three zones of its region, evenly, and says so", async () => {
    await make(7);
    const group = await settled();
    expect(group).toMatchObject({
      region: `${bed.url}/compute/v1/projects/acme/regions/us-central1`,
      distributionPolicy: {
        zones: ["a", "b", "c"].map((name) => ({
          zone: `${bed.url}/compute/v1/projects/acme/zones/us-central1-${name}`,
        })),
        targetShape: "EVEN",
      },
      updatePolicy: {
        maxSurge: { fixed: 3, calculated: 3 },
        maxUnavailable: { fixed: 3, calculated: 3 },
        instanceRedistributionType: "PROACTIVE",
      },
    });
    expect(group.zone).toBeUndefined();
    expect(await spread()).toEqual({ a: 3, b: 2, c: 2 });
  });

  test("uses the zones it is given, and only those", async () => {
    await make(4, { distributionPolicy: { zones: [zone("b"), zone("f")] } });
    await settled();
    expect(await spread()).toEqual({ b: 2, f: 2 });
  });

  test("grows where it is smallest and shrinks where it is fullest", async () => {
    await make(3);
    await settled();
    for (const [size, wanted] of [
      [5, [1, 2, 2]],
      [6, [2, 2, 2]],
      [4, [1, 1, 2]],
      [3, [1, 1, 1]],
    ] as const) {
      await bed.post(`${WEB}/resize?size=${size}`);
      await settled();
      expect(Object.values(await spread()).sort()).toEqual(wanted);
    }
  });

  test("evens itself out after machines of one zone were taken away", async () => {
    await make(6);
    await settled();
    const all = await machines();
    const gone = all.filter(({ instance }) => instance.includes("us-central1-a/")).map(({ instance }) => instance);
    await bed.post(`${WEB}/deleteInstances`, { instances: gone });
    await bed.post(`${WEB}/resize?size=4`);
    await settled();
    expect(Object.values(await spread()).sort()).toEqual([1, 1, 2]);
  });

  test("leaves an uneven group alone when redistribution is off", async () => {
    const none = { instanceRedistributionType: "NONE" };
    await make(6, { updatePolicy: none });
    await settled();
    const gone = (await machines())
      .filter(({ instance }) => instance.includes("us-central1-a/"))
      .map(({ instance }) => instance);
    await bed.post(`${WEB}/deleteInstances`, { instances: gone });
    await settled();
    expect(await spread()).toEqual({ b: 2, c: 2 });
  });

  test("EVEN waits for a zone without room, BALANCED goes to another", async () => {
    await bed.patch("/emulator/limits", { exhaustedZones: ["us-central1-b"] });
    await make(3);
    await bed.clock.advance(60_000);
    expect((await machines()).filter(({ id }) => id !== undefined)).toHaveLength(2);
    await bed.call("DELETE", WEB);
    await bed.clock.advance(60_000);
    await make(3, {
      distributionPolicy: { targetShape: "BALANCED" },
      updatePolicy: { instanceRedistributionType: "NONE" },
    });
    const group = await settled();
    expect(group.distributionPolicy).toMatchObject({ targetShape: "BALANCED" });
    expect(Object.keys(await spread()).sort()).toEqual(["a", "c"]);
  });

  test("rolls to a new template within surge and unavailable", async () => {
    await make(6);
    await settled();
    await template(bed, "two", "image-1", { labels: { v: "2" } });
    await bed.patch(WEB, {
      versions: [{ instanceTemplate: templateUrl("two") }],
      updatePolicy: {
        type: "PROACTIVE",
        minimalAction: "REPLACE",
        maxSurge: { fixed: 3 },
        maxUnavailable: { fixed: 0 },
      },
    });
    for (let i = 0; i < 600; i++) {
      const now = await machines();
      expect(now.length).toBeLessThanOrEqual(9);
      expect(now.filter((m) => m.instanceStatus === "RUNNING").length).toBeGreaterThanOrEqual(6);
      if ((await bed.get<Group>(WEB)).status.isStable) break;
      await bed.clock.advance(100);
    }
    expect(new Set((await machines()).map(({ version }) => version.instanceTemplate?.split("/").at(-1)))).toEqual(
      new Set(["two"]),
    );
    expect(Object.values(await spread())).toEqual([2, 2, 2]);
  });

  test("acts on machines named with their zones, and operations are the region's", async () => {
    await make(3);
    await settled();
    const [first] = await machines();
    const operation = await bed.post(`${WEB}/recreateInstances`, {
      instances: [first?.instance.replace(/.*\/zones/, "zones")],
    });
    expect(operation).toMatchObject({
      operationType: "compute.regionInstanceGroupManagers.recreateInstances",
      region: `${bed.url}/compute/v1/projects/acme/regions/us-central1`,
    });
    await settled();
    const again = (await machines()).find(({ name }) => name === first?.name);
    expect(again?.id).not.toBe(first?.id);
    expect(await bed.get(`${REGIONAL}/operations/${operation.name}`)).toMatchObject({ status: "DONE" });
    const listed = await bed.get<{ items: Record<string, { instanceGroupManagers?: Json[] }> }>(
      `${ORIGIN}/${PROJECT}/aggregated/instanceGroupManagers`,
    );
    expect(listed.items["regions/us-central1"]?.instanceGroupManagers).toHaveLength(1);
  });
});

describe("what a regional group cannot be", () => {
  const rows: [string, Json, RegExp][] = [
    [
      "surge below the number of zones",
      { updatePolicy: { maxSurge: { fixed: 2 } } },
      /Fixed updatePolicy\.maxSurge for regional managed instance group has to be either 0 or at least equal/,
    ],
    [
      "a zone of another region",
      { distributionPolicy: { zones: [{ zone: "zones/europe-west4-a" }] } },
      /must be in the region/,
    ],
    ["a shape that is none", { distributionPolicy: { targetShape: "ROUND" } }, /Must be one of \[EVEN, BALANCED/],
  ];
  test.each(rows)("%s", async (_what, more, message) => {
    const reply = await bed.call<{ error: { message: string } }>(
      "POST",
      `${REGIONAL}/instanceGroupManagers`,
      body(3, more),
    );
    expect(reply.status).toBe(400);
    expect(reply.body.error.message).toMatch(message);
  });

  test("other zones than it was made with", async () => {
    await make(3);
    await settled();
    const reply = await bed.call("PATCH", WEB, { distributionPolicy: { zones: [zone("a"), zone("b"), zone("f")] } });
    expect(reply.status).toBe(400);
  });
});
