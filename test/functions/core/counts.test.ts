import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { counts, mostAbove } from "../../../functions/core/counts.ts";
import { failureLimit } from "../../../functions/core/judge.ts";
import { policyOf } from "./small-cloud.ts";

const steps = (...shares: string[]) =>
  policyOf({ steps: [...shares.map((share) => ({ share })), { share: "100%" }] }).steps;

describe("shares of a group", () => {
  it.each<[string, string[], number, number[]]>([
    ["7% of 100 is 7, not 8", ["7%"], 100, [7, 100]],
    ["14% of 50 is 7", ["14%"], 50, [7, 50]],
    ["rounded up", ["25%", "50%"], 6, [2, 3, 6]],
    ["at least one", ["1%"], 3, [1, 3]],
    ["only the last step takes the last old machine", ["99%"], 3, [2, 3]],
    ["of one machine", ["50%"], 1, [1, 1]],
    ["of none", ["50%"], 0, [0, 0]],
  ])("%s", (_, shares, size, expected) => {
    expect(counts(steps(...shares), size)).toEqual(expected);
  });

  it("are the smallest whole number that is not less, for every percentage and size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 2, max: 4_000 }), (percent, size) => {
        const [first = 0] = counts(steps(`${percent}%`), size);
        // In hundredths, so that nothing is rounded here.
        const smallest = (percent * size + 99 - ((percent * size + 99) % 100)) / 100;
        expect(first).toBe(Math.min(size - 1, smallest));
      }),
      { numRuns: 2_000 },
    );
  });

  it("7% of 100 machines may fail as 7, not 8", () => {
    const policy = policyOf({ limits: { failedMachines: "7%" } });
    expect([100, 50, 10, 1].map((wanted) => failureLimit(policy, wanted))).toEqual([7, 4, 1, 1]);
  });
});

describe("machines above a group's size", () => {
  it.each<[string, number, number[], number]>([
    ["as many as allowed", 2, [1, 10], 2],
    ["no more than the largest step replaces", 20, [1, 4, 10], 6],
    ["none where nothing is replaced", 5, [0, 0], 0],
    ["none where none are allowed", 0, [1, 10], 0],
  ])("%s", (_, above, cumulative, expected) => {
    expect(mostAbove(above, cumulative)).toBe(expected);
  });
});
