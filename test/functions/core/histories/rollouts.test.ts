import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { behavioursBySeed } from "../../../../emulator/compute/behaviours.ts";
import { events, fleets, policies } from "./events.ts";
import { History } from "./history.ts";
import { Tally } from "./tally.ts";

/** Many more are run by hand: `MOULT_HISTORIES=20000 npx vitest run test/functions/core/histories`. */
const HISTORIES = Number(process.env.MOULT_HISTORIES ?? 120);
/** Repeats a run, as the failure says it: its seed, and its path for that one history. */
const SEED = process.env.MOULT_SEED;
const PATH = process.env.MOULT_PATH;
/** Minutes after which a run by hand ends with what it has. */
const LIMIT = process.env.MOULT_MINUTES;

describe("whatever happens to a fleet", () => {
  it("every promise holds after every look and every tick, and it comes to rest on a good release", {
    timeout: 36_000_000,
  }, () => {
    const tally = new Tally();
    const histories = fc.record({
      seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      behaviours: fc.nat(999).map((n) => behavioursBySeed(String(n))),
      groups: fleets,
      follower: fc.integer({ min: 0, max: 4 }).map((one) => one === 0),
      hashed: fc.integer({ min: 0, max: 2 }).map((one) => one === 0),
      policy: policies,
      history: fc.array(events, { maxLength: 25, size: "max" }),
      // What somebody else's hand does to a group hides what moult does.
      alone: fc.integer({ min: 0, max: 3 }).map((one) => one > 0),
    });
    fc.assert(
      fc.property(histories, ({ policy, history, alone, ...start }) => {
        const run = new History(start, policy, tally);
        tally.behaviours.add(JSON.stringify(start.behaviours));
        for (const event of history) if (!(alone && event.what === "outside")) run.happen(event);
        run.settle();
        run.tell();
      }),
      {
        numRuns: HISTORIES,
        ...(PATH !== undefined && { path: PATH }),
        ...(LIMIT !== undefined && { interruptAfterTimeLimit: Number(LIMIT) * 60_000 }),
        ...(SEED !== undefined && { seed: Number(SEED) }),
      },
    );
    console.log(tally.text());
    if (LIMIT === undefined && PATH === undefined)
      expect(tally.counts.get("histories")).toBeGreaterThanOrEqual(HISTORIES);
  });
});
