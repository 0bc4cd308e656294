import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Motive, type Pace, soonest, spent } from "../../../functions/controller/pace.ts";
import { ACTIVE_LOOK_MS } from "../../../functions/core/decide.ts";

const MINUTE = 60_000;
const START = 1_000_000;
const rested: Pace = { last: 0, full: 0 };

/** Looks that rings at these instants make, one look for all that waits, as the bell does it. */
function looks(rings: { afterMs: number; motive: Motive }[]): { at: number; motive: Motive }[] {
  let pace = rested;
  let now = START;
  let planned: { at: number; motive: Motive } | undefined;
  const made: { at: number; motive: Motive }[] = [];
  const make = (until: number) => {
    if (!planned || planned.at > until) return;
    made.push(planned);
    pace = spent(pace, planned.at, planned.motive);
    planned = undefined;
  };
  for (const { afterMs, motive } of rings) {
    now += afterMs;
    make(now);
    const at = Math.max(now, soonest(pace, motive));
    if (!planned || at < planned.at) planned = { at, motive };
  }
  make(Number.POSITIVE_INFINITY);
  return made;
}

const most = (made: { at: number }[]) =>
  Math.max(...made.map(({ at }) => made.filter((other) => other.at >= at && other.at < at + MINUTE).length));
const ringing = (...motives: Motive[]) =>
  fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 700 }), motive: fc.constantFrom(...motives) }), {
    minLength: 1,
    maxLength: 400,
  });

describe("the pace of looks that are rung for", () => {
  it("is at once after a quiet while, then twice as slow each time, down to one in four seconds", () => {
    const made = looks(Array.from({ length: 60_000 }, () => ({ afterMs: 1, motive: "event" as const })));
    const gaps = made.slice(1).map(({ at }, i) => at - (made[i]?.at ?? 0));
    expect(made[0]?.at).toBe(START + 1);
    expect(gaps[0]).toBe(250);
    expect(gaps[1]).toBeGreaterThan(400);
    expect(gaps[2]).toBeGreaterThan(750);
    for (const gap of gaps.slice(5, -1)) expect(Math.abs(gap - ACTIVE_LOOK_MS)).toBeLessThan(10);
  });

  it("is never faster than 19 looks in any minute, and 21 with a person's", () => {
    fc.assert(fc.property(ringing("event", "machines"), (rings) => most(looks(rings)) <= 19));
    fc.assert(fc.property(ringing("event", "machines", "person"), (rings) => most(looks(rings)) <= 21));
  });

  it("leaves one look for a report, however many machines come and go", () => {
    const storm = Array.from({ length: 2_000 }, () => ({ afterMs: 10, motive: "machines" as const }));
    const [last] = looks([...storm, { afterMs: 5, motive: "event" }]).slice(-1);
    expect(last).toEqual({ at: START + 2_000 * 10 + 5, motive: "event" });
  });

  it("never makes a person wait for what machines and reports ask for", () => {
    fc.assert(
      fc.property(ringing("event", "machines"), (rings) => {
        const made = looks([...rings, { afterMs: 1, motive: "person" }]);
        const now = START + 1 + rings.reduce((sum, { afterMs }) => sum + afterMs, 0);
        return made.some(({ at }) => at === now);
      }),
    );
  });

  it("is not slowed by the ends of bakes and by polls, and polls give way to a storm", () => {
    const calm = spent(spent(rested, START, "poll"), START + 300, "instant");
    expect(soonest(calm, "event")).toBeLessThanOrEqual(START + 300 + 250);
    expect(soonest(calm, "poll")).toBeLessThanOrEqual(START + 300);
    const storm = Array.from({ length: 4 }).reduce<Pace>((pace) => spent(pace, START, "event"), rested);
    expect(soonest(storm, "poll")).toBeGreaterThan(START);
    expect(soonest(storm, "instant")).toBeLessThanOrEqual(START);
  });
});
