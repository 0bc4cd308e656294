import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readBell, ring } from "../../../functions/controller/bell.ts";
import { type Busy, backOff } from "../../../functions/controller/busy.ts";
import { ticked } from "../../../functions/controller/events.ts";
import { paths } from "../../../functions/controller/records.ts";
import { later } from "../../../functions/core/instants.ts";
import { emptyRecord } from "../../../functions/core/record.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { policyOf } from "../core/small-cloud.ts";
import { type Fakes, fakeCloud } from "./fakes.ts";

const away = new Failure("unavailable", 429, "GET group", "rateLimitExceeded");

/** Two fleets, one of which is in a project whose Compute is away as long as the test says. */
async function twoFleets() {
  const looks = { web: 0, api: 0 };
  const state = { away: true };
  const cloud = fakeCloud();
  const compute = (fleet: keyof typeof looks, fails: () => boolean) =>
    ({
      group: async () => {
        if (fails()) throw away;
        return undefined;
      },
      // Asked once a look.
      head: async () => {
        looks[fleet] += 1;
        return undefined;
      },
      images: async () => [],
      template: async () => undefined,
    }) as unknown as ReturnType<Fakes["compute"]>;
  const web = compute("web", () => state.away);
  const api = compute("api", () => false);
  cloud.compute = (project) => (project === "acme-prod" ? web : api);
  const record = (fleet: string, project: string) => ({
    ...emptyRecord(fleet),
    policy: { ...policyOf(), fleet, project },
    nextLook: later("2026-11-20T12:00:00.000Z", 3_600_000),
  });
  await cloud.state.write(paths.record("web"), JSON.stringify(record("web", "acme-prod")), "0");
  await cloud.state.write(paths.record("api"), JSON.stringify(record("api", "acme-api")), "0");
  return { cloud, looks, state };
}

async function rung(cloud: Fakes, fleet: string, ms: number, ...wish: Parameters<typeof ring>[2][]): Promise<void> {
  const done = ring(cloud, fleet, ...wish);
  await cloud.time.pass(ms);
  await done;
}

describe("the distance between looks while Google is busy", () => {
  it("grows from three seconds to five minutes, never beyond, and never less than three seconds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.999999, noNaN: true }), { minLength: 1, maxLength: 40 }),
        (draws) => {
          let busy: Busy | undefined;
          for (const [i, random] of draws.entries()) {
            busy = backOff(busy, "429", 1_000, random);
            const wait = busy.until - 1_000;
            expect(wait).toBeGreaterThanOrEqual(3_000);
            expect(wait).toBeLessThanOrEqual(Math.min(300_000, 3_000 + 3_000 * 2 ** i));
            expect(busy.tries).toBe(i + 1);
          }
        },
      ),
    );
  });

  it("spreads fleets that were refused together over the whole span", () => {
    const sixth = backOff({ tries: 5, until: 0, why: "" }, "429", 0, 0.999).until;
    expect(sixth).toBeGreaterThan(90_000);
    expect(backOff({ tries: 5, until: 0, why: "" }, "429", 0, 0).until).toBe(3_000);
  });
});

describe("a fleet whose Google is busy", () => {
  it("is looked at again after a while, and seldom: ten minutes make a dozen looks, not two hundred", async () => {
    const { cloud, looks } = await twoFleets();
    await rung(cloud, "web", 60_000);
    for (let minute = 0; minute < 10; minute++) {
      await ticked(cloud, { message: {}, subscription: "s" });
      for (const { attributes } of cloud.rung.splice(0))
        if (attributes.fleet === "web") await rung(cloud, "web", 30_000);
      await cloud.time.pass(30_000);
    }
    expect(looks.web).toBeGreaterThanOrEqual(5);
    expect(looks.web).toBeLessThanOrEqual(14);
    expect(cloud.logged.join("\n")).toMatch(/GET group: rateLimitExceeded; web is looked at again at 2026-11-20T12:0/);
  });

  it("does not keep another fleet waiting", async () => {
    const { cloud, looks } = await twoFleets();
    await rung(cloud, "web", 60_000);
    const before = looks.web;
    expect(before).toBeGreaterThanOrEqual(3);
    await rung(cloud, "api", 0);
    expect(looks).toEqual({ web: before, api: 1 });
  });

  it("is looked at as ever once Google answers", async () => {
    const { cloud, looks, state } = await twoFleets();
    await rung(cloud, "web", 60_000);
    const before = looks.web;
    state.away = false;
    const { bell } = await readBell(cloud, "web");
    expect(bell.busy?.tries).toBe(before);
    await cloud.time.pass(Math.max(0, (bell.busy?.until ?? 0) - cloud.time.now()));
    await ticked(cloud, { message: {}, subscription: "s" });
    await cloud.time.pass(3_000);
    await ticked(cloud, { message: {}, subscription: "s" });
    expect(cloud.rung.map(({ attributes }) => attributes.fleet)).toContain("web");
    await rung(cloud, "web", 5_000);
    expect(looks.web).toBe(before + 1);
    expect((await readBell(cloud, "web")).bell).toMatchObject({ made: true });
    expect((await readBell(cloud, "web")).bell.busy).toBeUndefined();
  });

  it("is not asked by each event meanwhile, but at once by a person's command", async () => {
    const { cloud, looks } = await twoFleets();
    await rung(cloud, "web", 40_000);
    const before = looks.web;
    const until = (await readBell(cloud, "web")).bell.busy?.until ?? 0;
    expect(until).toBeGreaterThan(cloud.time.now() + 10_000);
    const rings: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) {
      rings.push(ring(cloud, "web", ["groups"]));
      await cloud.time.pass(10);
    }
    expect(looks.web).toBe(before);
    rings.push(ring(cloud, "web", ["commands"]));
    await cloud.time.pass(10);
    expect(looks.web).toBe(before + 1);
    await cloud.time.pass(600_000);
    await Promise.all(rings);
  });
});
