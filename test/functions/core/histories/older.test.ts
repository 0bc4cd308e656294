import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { behavioursBySeed } from "../../../../emulator/compute/behaviours.ts";
import { loadRecord, paths } from "../../../../functions/controller/records.ts";
import { decide } from "../../../../functions/core/decide.ts";
import { instant } from "../../../../functions/core/instants.ts";
import { DrivenTime, MemoryBucket } from "../../controller/fakes.ts";
import { places } from "../small-cloud.ts";
import { sha256 } from "./cloud.ts";
import { events, fleets, policies } from "./events.ts";
import { History } from "./history.ts";
import { Tally } from "./tally.ts";

/** What the first version did not write. */
const FLEET = [
  "pending",
  "approved",
  "published",
  "inputsRead",
  "previous",
  "quarantine",
  "unwritten",
  "applied",
  "reasons",
];
const ROLLOUT = ["policy", "pausedUntil", "urgent", "forwardFix", "gates", "bakesLost", "granted", "returned"];

describe("a record that an older version wrote", () => {
  it("with any of the newer fields missing is gone on from, whatever the fleet is at", async () => {
    let rolling = 0;
    const damaged = fc.record({
      seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      groups: fleets,
      policy: policies,
      history: fc.array(events, { minLength: 4, maxLength: 10, size: "max" }),
      fleet: fc.subarray(FLEET),
      rollout: fc.subarray(ROLLOUT),
    });
    await fc.assert(
      fc.asyncProperty(damaged, async ({ seed, groups, policy, history, fleet, rollout }) => {
        const small = groups.map((group) => ({ ...group, size: Math.min(group.size, 20) }));
        const run = new History(
          { seed, groups: small, follower: false, hashed: false, behaviours: behavioursBySeed(String(seed)) },
          policy,
          new Tally(),
        );
        run.cloud.publish("good", false);
        for (const event of history) run.happen(event);
        const record = JSON.parse(JSON.stringify(run.record)) as Record<string, unknown>;
        const { active } = record as { active: Record<string, unknown> | null };
        for (const field of fleet) delete record[field];
        for (const field of rollout) delete active?.[field];
        if (active) rolling++;
        const bucket = new MemoryBucket("state", new DrivenTime());
        await bucket.write(paths.record("web"), JSON.stringify(record), "0");
        const loaded = (await loadRecord(bucket, "web")).record;
        // What has been forgotten may be asked again.
        run.cloud.onAsk = () => {};
        const context = { now: instant(run.cloud.time), sha256, places };
        const observation = run.cloud.observe(loaded, undefined);
        const first = decide(loaded, observation, context);
        expect(decide(loaded, observation, context)).toEqual(first);
        // What it decided is a whole record again.
        decide(first.record, run.cloud.observe(first.record, undefined), context);
      }),
      { numRuns: 60 },
    );
    expect(rolling).toBeGreaterThan(5);
  });
});
