import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Failure } from "../../../functions/google/failure.ts";
import { Playground } from "../../scenarios/complaints/playground.ts";

let world: Playground;
let away = false;
let asked = 0;

/** A fleet with `count` secrets that has rolled from web-1 to web-2 since it was taken on. */
async function rolled(count = 1): Promise<void> {
  const names = Array.from({ length: count }, (_, i) => [`key-${i}`, { secret: `web-key-${i}` }]);
  world = await Playground.open();
  world.cloud.secrets = {
    ...world.cloud.secrets,
    enabled: async () => {
      asked += 1;
      if (away) throw new Failure("unavailable", 503, "list enabled versions", "try again later");
      return [1];
    },
  };
  await world.group();
  await world.takeOn({ secrets: Object.fromEntries(names), settle: "0s" });
  await world.image("web-2");
  await world.untilStable("web-2");
}

beforeEach(() => {
  away = false;
  asked = 0;
});
afterEach(() => world.close());

describe("while Secret Manager is away and the groups are not", () => {
  it("a person's rollback begins at the next look and goes to its end", async () => {
    await rolled();
    away = true;
    await world.order({ kind: "rollback" });
    await world.untilStable("web-1");
    expect(await world.running()).toEqual({ "web-1": 4 });
  });

  it("a hold is taken, and the look after it says nothing new and is tried again", async () => {
    await rolled();
    away = true;
    await world.order({ kind: "hold", reason: "fair" });
    await world.step();
    expect(await world.record()).toMatchObject({ hold: { by: "ada", reason: "fair" }, active: null });
    expect(await world.said()).toMatch(/inputs ask for cannot be read now, so nothing new begins: .*try again later/);
    expect(await world.cloud.state.names("commands/web/")).toEqual([]);
    expect(world.failedLooks).toBe(1);
  });

  it("nothing new begins, though a person lets it", async () => {
    await rolled();
    await world.order({ kind: "hold", reason: "fair" });
    await world.step();
    await world.image("web-3");
    await world.step();
    away = true;
    await world.order({ kind: "unhold" });
    await world.steps(3);
    expect((await world.record()).active).toBeNull();
    away = false;
    await world.untilPhase("converging");
    expect((await world.record()).active?.to.image.name).toBe("web-3");
  });
});

it("the looks that follow one another when a rollout begins ask for each of 300 secrets once", async () => {
  await rolled(300);
  await world.image("web-3");
  asked = 0;
  await world.step();
  expect(await world.phase()).toBe("converging");
  expect(asked).toBe(300);
});
