import { describe, expect, it } from "vitest";
import { ring } from "../../../functions/controller/bell.ts";
import { paths } from "../../../functions/controller/records.ts";
import { emptyRecord } from "../../../functions/core/record.ts";
import { fakeCloud, settled } from "./fakes.ts";

async function fleetAtRest() {
  const cloud = fakeCloud();
  await cloud.state.write(paths.record("web"), JSON.stringify(emptyRecord("web")), "0");
  const looks = () => cloud.state.reads.get(paths.record("web")) ?? 0;
  return { cloud, looks };
}

describe("the bell of a fleet", () => {
  it("rung once, the fleet is looked at at once", async () => {
    const { cloud, looks } = await fleetAtRest();
    await Promise.all([ring(cloud, "web"), cloud.time.pass(0)]);
    expect(looks()).toBe(1);
  });

  it("rung five times at once, it is looked at twice at the most, and once after the last ring", async () => {
    const { cloud, looks } = await fleetAtRest();
    const rings = Array.from({ length: 5 }, () => ring(cloud, "web"));
    await cloud.time.pass(10_000);
    await Promise.all(rings);
    expect(looks()).toBeGreaterThanOrEqual(1);
    expect(looks()).toBeLessThanOrEqual(2);
  });

  it("10,000 rings in a minute make at most 21 looks, and one more sees what the last ring says", async () => {
    const { cloud, looks } = await fleetAtRest();
    const rings: Promise<void>[] = [];
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 167; i++) rings.push(ring(cloud, "web"));
      await cloud.time.pass(1000);
    }
    const before = looks();
    // One in four seconds, and a few at once.
    expect(before).toBeGreaterThanOrEqual(15);
    expect(before).toBeLessThanOrEqual(21);
    rings.push(ring(cloud, "web"));
    await cloud.time.pass(10_000);
    await Promise.all(rings);
    expect(looks()).toBe(before + 1);
  }, 60_000);

  it("a look planned by a process that died is made by whoever rings next", async () => {
    const { cloud, looks } = await fleetAtRest();
    await cloud.state.write(
      paths.bell("web"),
      JSON.stringify({ at: cloud.time.now() - 5000, last: 0, owner: "dead" }),
      "0",
    );
    const rung = ring(cloud, "web");
    await cloud.time.pass(0);
    await rung;
    expect(looks()).toBe(1);
  });

  it("a look planned for the near future by a process that died since is taken over", async () => {
    const { cloud, looks } = await fleetAtRest();
    const now = cloud.time.now();
    const bell = { at: now + 2500, last: now - 500, full: now + 15_000, owner: "dead" };
    await cloud.state.write(paths.bell("web"), JSON.stringify(bell), "0");
    const rings = [ring(cloud, "web"), ring(cloud, "web")];
    await cloud.time.pass(10_000);
    await Promise.all(rings);
    expect(looks()).toBe(1);
  });

  it("a look planned by a process that lives is not made twice", async () => {
    const { cloud, looks } = await fleetAtRest();
    const first = ring(cloud, "web");
    await cloud.time.pass(0);
    await first;
    const rings = [ring(cloud, "web"), ring(cloud, "web"), ring(cloud, "web")];
    await cloud.time.pass(20_000);
    await Promise.all(rings);
    expect(looks()).toBe(2);
  });

  it("a look planned far ahead does not make a ring wait for it", async () => {
    const { cloud, looks } = await fleetAtRest();
    const now = cloud.time.now();
    await cloud.state.write(
      paths.bell("web"),
      JSON.stringify({ at: now + 15_000, last: now - 1000, full: now + 13_000, owner: "patient" }),
      "0",
    );
    const rung = ring(cloud, "web");
    await settled();
    expect(looks()).toBe(0);
    await cloud.time.pass(2000);
    await rung;
    expect(looks()).toBe(1);
  });
});
