import { describe, expect, it } from "vitest";
import { act } from "../../../functions/controller/act.ts";
import { readBudget, takeLease } from "../../../functions/controller/budgets.ts";
import { paths } from "../../../functions/controller/records.ts";
import type { Effect } from "../../../functions/core/effects.ts";
import { instant, later } from "../../../functions/core/instants.ts";
import { isProblem } from "../../../functions/core/observation.ts";
import type { Policy } from "../../../functions/core/policy.ts";
import { policyOf } from "../core/small-cloud.ts";
import { type Fakes, fakeCloud } from "./fakes.ts";

const NAME = "europe";

function policy(machines: number | null, perHour: number | null = null): Policy {
  return { ...policyOf(), budget: { name: NAME, machines, perHour } };
}

function lease(cloud: Fakes, rollout: string, machines: number, begun = machines): Extract<Effect, { kind: "lease" }> {
  const until = later(instant(cloud.time.now()), 600_000);
  return { kind: "lease", budget: NAME, rollout, machines, begun, until };
}

const held = async (cloud: Fakes) => {
  const view = await readBudget(cloud, NAME);
  if (isProblem(view)) throw new Error(view.text);
  return Object.fromEntries(view.leases.map(({ rollout, machines }) => [rollout, machines]));
};

describe("a shared budget", () => {
  it("nobody has used yet has all its room", async () => {
    expect(await readBudget(fakeCloud(), NAME)).toEqual({ leases: [], begun: [] });
  });

  it("gives two fleets that ask at once no more than it has", async () => {
    const cloud = fakeCloud();
    const asking = ["web", "api", "db"].map((fleet) =>
      takeLease(cloud, fleet, policy(5), lease(cloud, `${fleet}-1`, 3)),
    );
    const answers = await Promise.all(asking);
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
    expect(
      answers.filter((answer) => /3 machines do not fit into budget europe: others have 3 of 5/.test(answer ?? "")),
    ).toHaveLength(2);
    expect(Object.values(await held(cloud))).toEqual([3]);
  });

  it("that two fleets fit into keeps both leases, whoever writes first", async () => {
    const cloud = fakeCloud();
    await Promise.all([
      takeLease(cloud, "web", policy(5), lease(cloud, "web-1", 3)),
      takeLease(cloud, "api", policy(5), lease(cloud, "api-1", 2)),
    ]);
    expect(await held(cloud)).toEqual({ "web-1": 3, "api-1": 2 });
  });

  it("gets its room back when it is given back, and when it has run out", async () => {
    const cloud = fakeCloud();
    await takeLease(cloud, "web", policy(3), lease(cloud, "web-1", 3));
    await takeLease(cloud, "web", policy(3), lease(cloud, "web-1", 0));
    expect(await held(cloud)).toEqual({});
    await takeLease(cloud, "web", policy(3), lease(cloud, "web-2", 3));
    await cloud.time.pass(600_001);
    expect(await held(cloud)).toEqual({});
    expect(await takeLease(cloud, "api", policy(3), lease(cloud, "api-1", 3))).toBeUndefined();
  });

  it("counts what was begun in the last hour, and forgets it after that", async () => {
    const cloud = fakeCloud();
    const both = policy(null, 4);
    expect(await takeLease(cloud, "web", both, lease(cloud, "web-1", 3))).toBeUndefined();
    await takeLease(cloud, "web", both, lease(cloud, "web-1", 0));
    expect(await takeLease(cloud, "api", both, lease(cloud, "api-1", 2))).toMatch(/3 of 4 an hour were begun/);
    await cloud.time.pass(3_600_001);
    expect(await takeLease(cloud, "api", both, lease(cloud, "api-1", 2))).toBeUndefined();
    expect(await readBudget(cloud, NAME)).toMatchObject({ begun: [{ fleet: "api", machines: 2 }] });
  });

  it("may be made longer by who holds it, though it has less room by now", async () => {
    const cloud = fakeCloud();
    await takeLease(cloud, "web", policy(5), lease(cloud, "web-1", 3));
    await takeLease(cloud, "api", policy(5), lease(cloud, "api-1", 2));
    expect(await takeLease(cloud, "web", policy(2), lease(cloud, "web-1", 3, 0))).toBeUndefined();
    expect(await takeLease(cloud, "web", policy(2), lease(cloud, "web-1", 4, 1))).toMatch(/do not fit/);
  });

  it("that is not understood is not written over", async () => {
    const cloud = fakeCloud();
    await cloud.state.write(paths.budget(NAME), `{"schema":2}`, "0");
    expect(await readBudget(cloud, NAME)).toMatchObject({
      problem: "missing",
      text: expect.stringMatching(/is no budget/),
    });
    expect(await takeLease(cloud, "web", policy(5), lease(cloud, "web-1", 1))).toMatch(/is no budget/);
    expect(cloud.state.objects.get(paths.budget(NAME))?.text).toBe(`{"schema":2}`);
  });

  it("without room keeps what depends on it from being done", async () => {
    const cloud = fakeCloud({ patchGroup: async () => expect.unreachable("it acted without room") });
    await takeLease(cloud, "api", policy(3), lease(cloud, "api-1", 3));
    const patch: Effect = {
      kind: "patch-group",
      group: "us-central1-a/web",
      fingerprint: "f",
      versions: [],
      updatePolicy: {},
      requestId: "r",
    };
    const acted = await act(cloud, "web", policy(3), [lease(cloud, "web-1", 1), patch], async () => true);
    expect(acted).toEqual({ done: 0, noRoom: expect.stringMatching(/do not fit into budget europe/) });
  });
});
