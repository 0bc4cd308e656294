import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, progress } from "../../../emulator/compute/updater/decide.ts";
import {
  type Action,
  type GroupGoal,
  isAvailable,
  leaving,
  type MemberView,
} from "../../../emulator/compute/updater/values.ts";

const goal = (more: Partial<GroupGoal> = {}): GroupGoal => ({
  targetSize: 3,
  versions: [{ template: "new", name: "", size: more.targetSize ?? 3, explicit: false }],
  proactive: true,
  minimalAction: "REPLACE",
  mostDisruptiveAllowedAction: "REPLACE",
  surge: 1,
  unavailable: 0,
  inPlace: false,
  checked: false,
  initialDelayMs: 0,
  repairs: true,
  updateOnRepair: false,
  scaleIn: "newest",
  zones: ["a"],
  redistributes: false,
  ...more,
});

const member = (name: string, more: Partial<MemberView> = {}): MemberView => ({
  name,
  zone: "a",
  createdAt: 0,
  action: "NONE",
  template: "old",
  version: "",
  status: "RUNNING",
  health: "UNKNOWN",
  everHealthy: false,
  runningSince: 0,
  ...more,
});

/** A name whose machine could not be made yet. */
const queued = (name: string): MemberView => {
  const { status: _, ...rest } = member(name, { action: "CREATING" });
  return rest;
};

const short = (actions: Action[]) =>
  actions.map((a) => (a.do === "create" ? `create ${a.target.template}` : `${a.do} ${a.member}`));
const of = (g: GroupGoal, members: MemberView[]) => short(decide(g, members, () => "REPLACE", 0));

describe("what a group does next", () => {
  const old = ["a", "b", "c"].map((name) => member(name));
  const rows: [string, GroupGoal, MemberView[], string[]][] = [
    [
      "an empty group makes its machines",
      goal({ surge: 0, unavailable: 1 }),
      [],
      ["create new", "create new", "create new"],
    ],
    ["with surge, one new machine comes first", goal(), old, ["create new"]],
    ["the old one goes when the new one serves", goal(), [...old, member("n", { template: "new" })], ["delete a"]],
    [
      "the old one stays while the new one is verified",
      goal({ checked: true }),
      [...old.map((m) => ({ ...m, everHealthy: true })), member("n", { template: "new", action: "VERIFYING" })],
      [],
    ],
    ["without surge, one old machine goes first", goal({ surge: 0, unavailable: 1 }), old, ["delete a"]],
    [
      "no other goes while its successor is missing",
      goal({ surge: 0, unavailable: 1 }),
      [member("a", { action: "DELETING" }), member("b"), member("c")],
      [],
    ],
    [
      "a machine that does not serve is the first to go",
      goal({ surge: 0, unavailable: 1 }),
      [member("a"), member("b", { action: "CREATING", status: "STAGING" }), member("c")],
      ["delete b"],
    ],
    ["an opportunistic group leaves old machines alone", goal({ proactive: false }), old, []],
    [
      "a group that is too large shrinks, newest first",
      goal({ targetSize: 2, proactive: false, versions: [{ template: "old", name: "", size: 2, explicit: false }] }),
      [member("a", { createdAt: 1 }), member("b", { createdAt: 2 }), member("c")],
      ["delete b"],
    ],
    ["replacing in place takes one at a time", goal({ surge: 0, unavailable: 1, inPlace: true }), old, ["recreate a"]],
    [
      "a queued machine of the old version just becomes one of the new",
      goal({ targetSize: 1 }),
      [queued("q")],
      ["relabel q"],
    ],
    [
      "a machine that stopped by itself is made again",
      goal({ proactive: false }),
      [...old.slice(1), member("a", { status: "TERMINATED" })],
      ["recreate a"],
    ],
    [
      "nothing is repaired where repairs are off",
      goal({ proactive: false, repairs: false }),
      [...old.slice(1), member("a", { status: "TERMINATED" })],
      [],
    ],
  ];
  test.each(rows)("%s", (_sentence, g, members, expected) => {
    expect(of(g, members)).toEqual(expected);
  });
});

/** A small world that carries out what is decided; chance decides what finishes next and what breaks. */
interface Run {
  targetSize: number;
  surge: number;
  unavailable: number;
  inPlace: boolean;
  canary: number;
  chances: number[];
}

const runs = fc
  .record({
    targetSize: fc.integer({ min: 1, max: 8 }),
    surge: fc.integer({ min: 0, max: 3 }),
    unavailable: fc.integer({ min: 0, max: 3 }),
    inPlace: fc.boolean(),
    canary: fc.integer({ min: 0, max: 8 }),
    chances: fc.array(fc.nat(1000), { minLength: 0, maxLength: 120 }),
  })
  .map((r) => ({ ...r, surge: r.inPlace ? 0 : r.surge }))
  .filter((r) => r.surge + r.unavailable > 0);

function goalOf(run: Run): GroupGoal {
  const { targetSize, surge, unavailable, inPlace } = run;
  const canary = Math.min(run.canary, targetSize);
  const versions = [
    { template: "old", name: "", size: targetSize - canary, explicit: false },
    { template: "new", name: "r2", size: canary, explicit: true },
  ];
  return goal({ targetSize, surge, unavailable, inPlace, checked: true, versions });
}

class Machines {
  members: MemberView[];
  #names = 0;

  constructor(size: number) {
    this.members = Array.from({ length: size }, (_, i) => member(`old-${i}`, { everHealthy: true, health: "HEALTHY" }));
  }

  carryOut(actions: Action[]): void {
    for (const action of actions) {
      if (action.do === "create") {
        this.members.push({
          ...member(`n-${this.#names++}`, {
            action: "CREATING",
            template: action.target.template,
            version: action.target.name,
          }),
          status: "PROVISIONING",
        });
        continue;
      }
      const found = this.members.find(({ name }) => name === action.member);
      if (!found) throw new Error(`no ${action.member}`);
      if (action.do === "delete") found.action = "DELETING";
      else {
        found.action = "RECREATING";
        found.template = action.target.template;
        found.version = action.target.name;
        found.everHealthy = false;
        found.health = "UNKNOWN";
      }
    }
  }

  /** One machine gets one step further. False when none can. */
  step(chance: number): boolean {
    const busy = this.members.filter(({ action }) => action !== "NONE");
    const one = busy[chance % Math.max(1, busy.length)];
    if (!one) return false;
    if (one.action === "DELETING") this.members = this.members.filter((m) => m !== one);
    else if (one.action === "VERIFYING") Object.assign(one, { action: "NONE", everHealthy: true, health: "HEALTHY" });
    else Object.assign(one, { action: "VERIFYING", status: "RUNNING" });
    return true;
  }
}

const available = (g: GroupGoal, members: MemberView[]) =>
  members.filter((m) => !leaving(m) && isAvailable(g, m)).length;

test("where a restart is due, a machine that is gone is repaired and one that is going is left alone", () => {
  const g = goal({ surge: 0, unavailable: 3, minimalAction: "RESTART" });
  const { status: _, ...gone } = member("gone");
  const members = [gone, member("going", { status: "STOPPING" }), member("here")];
  expect(short(decide(g, members, () => "RESTART", 0))).toEqual(["restart here", "recreate gone"]);
});

describe("whatever finishes in whatever order, the updater", () => {
  test("never has more machines than target and surge, nor takes one that leaves too few", () => {
    fc.assert(
      fc.property(runs, (run) => {
        const g = goalOf(run);
        const world = new Machines(run.targetSize);
        for (const chance of run.chances) {
          world.carryOut(decide(g, world.members, () => "REPLACE", 0));
          expect(world.members.length).toBeLessThanOrEqual(g.targetSize + g.surge);
          expect(available(g, world.members)).toBeGreaterThanOrEqual(g.targetSize - g.unavailable);
          world.step(chance);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("arrives: as many of each version as wanted, nothing more to do", () => {
    fc.assert(
      fc.property(runs, (run) => {
        const g = goalOf(run);
        const world = new Machines(run.targetSize);
        for (let i = 0; i < 200; i++) {
          const actions = decide(g, world.members, () => "REPLACE", 0);
          world.carryOut(actions);
          const moved = world.step(run.chances[i % Math.max(1, run.chances.length)] ?? 0);
          if (!moved && actions.length === 0) break;
        }
        expect(progress(g, world.members, () => "REPLACE", 0)).toEqual({ isStable: true, isReached: true });
        for (const { template, size } of g.versions)
          expect(world.members.filter((m) => m.template === template)).toHaveLength(size);
      }),
      { numRuns: 500 },
    );
  });

  test("says the same of the same group", () => {
    fc.assert(
      fc.property(runs, (run) => {
        const { members } = new Machines(run.targetSize);
        expect(decide(goalOf(run), members, () => "REPLACE", 0)).toEqual(
          decide(goalOf(run), members, () => "REPLACE", 0),
        );
      }),
    );
  });
});
