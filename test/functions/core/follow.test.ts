import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { followedImage } from "../../../functions/core/follow.ts";
import type { PublishedImage } from "../../../functions/core/record.ts";

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 20, 12);
/** So many hours before noon. */
const ago = (hours: number) => new Date(NOON - hours * HOUR).toISOString();

function entry(name: string, since: number, until?: number, withdrawn?: "withdrawn"): PublishedImage {
  return {
    image: { id: `id-${name}`, name, project: "acme-images" },
    since: ago(since),
    ...(until !== undefined && { until: ago(until) }),
    ...(withdrawn && { withdrawn: true as const }),
  };
}

describe("the image of a fleet that is followed, after 2 hours there", () => {
  it.each<[string, PublishedImage[], string | null, [string, number] | null]>([
    ["nothing was published", [], null, null],
    ["the only one is too young", [entry("a", 1)], null, ["a", -1]],
    ["exactly as old as it must be", [entry("a", 2)], "a", null],
    ["a newer one soaks; the older one is taken meanwhile", [entry("b", 0.5), entry("a", 9, 0.5)], "a", ["b", -1.5]],
    [
      "one that was replaced before its time is never taken",
      [entry("c", 1), entry("b", 2, 1), entry("a", 9, 2)],
      "a",
      ["c", -1],
    ],
    [
      "one that was replaced after its time is taken until the newer has soaked",
      [entry("b", 1), entry("a", 5, 1)],
      "a",
      ["b", -1],
    ],
    ["a withdrawn one is not taken, however old", [entry("b", 9, 3, "withdrawn"), entry("a", 20, 9)], "a", null],
    ["all are withdrawn", [entry("a", 9, 3, "withdrawn")], null, null],
    [
      "one that came back holds what it earned before",
      [entry("a", 0.5), entry("b", 1, 0.5, "withdrawn"), entry("a", 9, 1)],
      "a",
      null,
    ],
    [
      "one that came back and had earned nothing counts from its return",
      [entry("a", 0.5), entry("b", 1, 0.5, "withdrawn"), entry("a", 2, 1)],
      null,
      ["a", -1.5],
    ],
    [
      "one that came back and was withdrawn then is not taken for what it was before",
      [entry("c", 1), entry("a", 3, 1, "withdrawn"), entry("b", 4, 3), entry("a", 9, 4)],
      null,
      ["c", -1],
    ],
    [
      "one that was withdrawn and came back is taken when it has soaked anew",
      [entry("a", 3), entry("b", 4, 3), entry("a", 9, 4, "withdrawn")],
      "a",
      null,
    ],
    ["the clock there is ahead of ours", [entry("a", -1)], null, ["a", -3]],
    ["in any order", [entry("a", 9, 0.5), entry("b", 0.5)], "a", ["b", -1.5]],
    ["a time that is none is passed over", [{ ...entry("b", 1), since: "yesterday" }, entry("a", 9)], "a", null],
  ])("%s", (_, published, taken, soaking) => {
    const found = followedImage(published, 2 * HOUR, ago(0));
    expect([
      found.taken?.image.name ?? null,
      found.soaking?.entry.image.name ?? null,
      found.soaking?.until ?? null,
    ]).toEqual([taken, soaking?.[0] ?? null, soaking ? ago(soaking[1]) : null]);
  });

  it("is taken at once without a soak time", () => {
    expect(followedImage([entry("a", 0)], 0, ago(0)).taken?.image.name).toBe("a");
  });
});

/** Histories as a fleet writes them: one after another, each until the next. */
const history = fc
  .array(
    fc.record({
      name: fc.constantFrom("a", "b", "c", "d"),
      hours: fc.integer({ min: 0, max: 5 }),
      withdrawn: fc.boolean(),
    }),
    { maxLength: 8 },
  )
  .map((list) => {
    let since = list.reduce((sum, { hours }) => sum + hours, 0);
    const entries = list.map(({ name, hours, withdrawn }, i) => {
      const from = since;
      since -= hours;
      return entry(name, from, i === list.length - 1 ? undefined : since, withdrawn ? "withdrawn" : undefined);
    });
    return entries.reverse();
  });

describe("whatever was published", () => {
  it("what is taken had been stable for the soak time and was not withdrawn last", () => {
    let taken = 0;
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 6 }), (published, soak) => {
        const found = followedImage(published, soak * HOUR, ago(0));
        if (!found.taken) {
          // Then no entry qualifies: every long one was withdrawn, or its image was after it.
          for (const { image, since, until, withdrawn } of published) {
            const long = Date.parse(until ?? ago(0)) - Date.parse(since) >= soak * HOUR;
            const last = published.find((other) => other.image.id === image.id);
            expect(!long || withdrawn || last?.withdrawn).toBe(true);
          }
          return;
        }
        taken += 1;
        const { image, since, until, withdrawn } = found.taken;
        expect(withdrawn).toBeUndefined();
        expect(Date.parse(until ?? ago(0)) - Date.parse(since)).toBeGreaterThanOrEqual(soak * HOUR);
        expect(published.find((other) => other.image.id === image.id)?.withdrawn).toBeUndefined();
        if (found.soaking) expect(found.soaking.entry.image.id).not.toBe(image.id);
      }),
      { numRuns: 1_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it("what soaks is taken at the instant that was said, if it stays", () => {
    let soaked = 0;
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 6 }), (published, soak) => {
        const { soaking } = followedImage(published, soak * HOUR, ago(0));
        if (!soaking) return;
        soaked += 1;
        const before = new Date(Date.parse(soaking.until) - 1).toISOString();
        expect(followedImage(published, soak * HOUR, soaking.until).taken).toEqual(soaking.entry);
        expect(followedImage(published, soak * HOUR, before).taken).not.toEqual(soaking.entry);
      }),
      { numRuns: 1_000 },
    );
    expect(soaked).toBeGreaterThan(100);
  });
});
