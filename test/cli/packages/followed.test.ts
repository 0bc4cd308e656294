import { afterEach, describe, expect, it } from "vitest";
import { memoryObjects } from "../../../cli/config/memory.ts";
import { adoptImage } from "../../../cli/images/adopt.ts";
import { discardIfSame } from "../../../cli/images/discard.ts";
import type { PackageList } from "../../../cli/packages/list.ts";
import { contentsOf, storeContents } from "../../../cli/packages/stored.ts";
import { Playground, PROJECT } from "../../scenarios/complaints/playground.ts";

let world: Playground;
afterEach(() => world.close());

const LABELS = { labels: { application: "aaaa" } };
const contents = (version: string) => {
  const packages = [{ name: "openssl", version, arch: "amd64" }];
  const list: PackageList = { type: "deb", distribution: { id: "debian", version: "12" }, packages };
  return contentsOf(list, { time: "2026-11-20T12:00:00Z", moult: "1.2.3" });
};

describe("a fleet that follows a family in which a new image is baked every night", () => {
  it("hears of an image only when it differs: the same again is gone before, and another becomes the release", async () => {
    world = await Playground.open();
    const bucket = memoryObjects();
    const bake = async (name: string, version: string, family: string) => {
      await world.image(name, family, LABELS);
      await storeContents(bucket, name, contents(version));
    };
    // Operations end when time passes.
    const pass = async <T>(work: Promise<T>): Promise<T> => {
      let done = false;
      const ended = work.finally(() => {
        done = true;
      });
      while (!done) await world.advance(100);
      return ended;
    };
    await bake("night-1", "3.0.11-1", "web");
    await world.group();
    await world.takeOn();
    await world.untilStable("night-1");

    await bake("night-2", "3.0.11-1", "");
    await world.steps(5);
    const same = { project: PROJECT, name: "night-2", family: "web" };
    expect(await pass(discardIfSame(world.compute, bucket, same))).toMatchObject({ than: "night-1", discarded: true });
    await world.steps(5);
    expect(await world.record()).toMatchObject({ active: null, rollouts: 1 });

    await bake("night-3", "3.0.13-1", "");
    await world.steps(5);
    expect(await world.record()).toMatchObject({ active: null, rollouts: 1 });
    const other = { project: PROJECT, name: "night-3", family: "web" };
    expect(await pass(discardIfSame(world.compute, bucket, other))).toMatchObject({
      discarded: false,
      reasons: ["packages: 1 upgraded"],
    });
    expect((await pass(adoptImage(world.compute, other)))?.name).toBe("night-3");
    await world.untilStable("night-3");
    expect(await world.running()).toEqual({ "night-3": 4 });
    expect(world.most.get("night-2")).toBeUndefined();
  });
});
