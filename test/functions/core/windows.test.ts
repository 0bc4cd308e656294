import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Window } from "../../../functions/core/policy.ts";
import { closesAt, isOpen, isZone, nextOpening, windowText } from "../../../functions/core/windows.ts";

const MINUTE = 60_000;
const WEEKDAYS = [1, 2, 3, 4, 5];
const EVERY = [1, 2, 3, 4, 5, 6, 7];

function clock(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}

function window(days: number[], from: string, to: string, zone: string): Window {
  return { days, from: clock(from), to: clock(to), zone };
}

const at = (text: string) => new Date(text).toISOString();
const office = [window(WEEKDAYS, "09:00", "17:00", "Europe/Berlin")];

describe("windows", () => {
  // What, windows, now, open, next opening, closing.
  it.each<[string, Window[], string, boolean, string | null, string | null]>([
    ["none are always open", [], "2026-11-20T12:00:00Z", true, "2026-11-20T12:00:00Z", null],
    [
      "open at their first minute",
      office,
      "2026-11-20T08:00:00Z",
      true,
      "2026-11-20T08:00:00Z",
      "2026-11-20T16:00:00Z",
    ],
    ["closed at their last", office, "2026-11-20T16:00:00Z", false, "2026-11-23T08:00:00Z", null],
    ["closed over the weekend", office, "2026-11-21T12:34:56Z", false, "2026-11-23T08:00:00Z", null],
    ["by the summer's clock", office, "2026-07-01T06:59:59Z", false, "2026-07-01T07:00:00Z", null],
    [
      "over midnight, of the day on which they open",
      [window([5], "22:00", "04:00", "UTC")],
      "2026-11-21T03:59:59Z",
      true,
      "2026-11-21T03:59:59Z",
      "2026-11-21T04:00:00Z",
    ],
    [
      "not in the morning of that day",
      [window([5], "22:00", "04:00", "UTC")],
      "2026-11-20T03:00:00Z",
      false,
      "2026-11-20T22:00:00Z",
      null,
    ],
    [
      "a whole day, when it ends as it begins",
      [window([5], "06:00", "06:00", "UTC")],
      "2026-11-21T05:00:00Z",
      true,
      "2026-11-21T05:00:00Z",
      "2026-11-21T06:00:00Z",
    ],
    [
      "every whole day never closes",
      [window(EVERY, "00:00", "00:00", "UTC")],
      "2026-11-21T05:00:00Z",
      true,
      "2026-11-21T05:00:00Z",
      null,
    ],
    [
      "several that overlap are one",
      [
        window(EVERY, "08:00", "12:00", "UTC"),
        window(EVERY, "11:00", "13:00", "UTC"),
        window(EVERY, "13:00", "14:00", "UTC"),
      ],
      "2026-11-20T09:00:00Z",
      true,
      "2026-11-20T09:00:00Z",
      "2026-11-20T14:00:00Z",
    ],
    [
      "of two zones, the one that opens first",
      [window(EVERY, "09:00", "10:00", "America/New_York"), window(EVERY, "09:00", "10:00", "Asia/Kolkata")],
      "2026-11-20T00:00:00Z",
      false,
      "2026-11-20T03:30:00Z",
      null,
    ],
    [
      "from a time that does not exist that day: at the first instant after the gap",
      [window([7], "02:30", "04:00", "Europe/Berlin")],
      "2026-03-29T00:30:00Z",
      false,
      "2026-03-29T01:00:00Z",
      null,
    ],
    [
      "to a time that does not exist that day: until the gap",
      [window([7], "01:00", "02:30", "Europe/Berlin")],
      "2026-03-29T00:30:00Z",
      true,
      "2026-03-29T00:30:00Z",
      "2026-03-29T01:00:00Z",
    ],
    [
      "wholly in the gap: a week later",
      [window([7], "02:00", "03:00", "Europe/Berlin")],
      "2026-03-28T12:00:00Z",
      false,
      "2026-04-05T00:00:00Z",
      null,
    ],
    [
      "the doubled hour belongs to them the first time",
      [window([7], "02:00", "03:00", "Europe/Berlin")],
      "2026-10-25T00:00:00Z",
      true,
      "2026-10-25T00:00:00Z",
      "2026-10-25T02:00:00Z",
    ],
    [
      "and the second time, even after they closed in it",
      [window([7], "02:00", "02:30", "Europe/Berlin")],
      "2026-10-25T00:30:00Z",
      false,
      "2026-10-25T01:00:00Z",
      null,
    ],
    [
      "where the clock is set by half an hour",
      [window([7], "02:15", "03:00", "Australia/Lord_Howe")],
      "2026-10-03T15:00:00Z",
      false,
      "2026-10-03T15:30:00Z",
      null,
    ],
    [
      "a zone that is none never opens, and does not shut the others",
      [window(EVERY, "00:00", "00:00", "Mars/Olympus"), window(EVERY, "09:00", "10:00", "UTC")],
      "2026-11-20T00:00:00Z",
      false,
      "2026-11-20T09:00:00Z",
      null,
    ],
    [
      "a zone that is none, alone",
      [window(EVERY, "00:00", "00:00", "Mars/Olympus")],
      "2026-11-20T00:00:00Z",
      false,
      null,
      null,
    ],
  ])("%s", (_, windows, now, open, opens, closes) => {
    expect({
      open: isOpen(windows, at(now)),
      opens: nextOpening(windows, at(now)),
      closes: closesAt(windows, at(now)),
    }).toEqual({ open, opens: opens && at(opens), closes: closes && at(closes) });
  });

  it("know which zones there are", () => {
    expect(["Europe/Berlin", "UTC", "Mars/Olympus", ""].map(isZone)).toEqual([true, true, false, false]);
  });

  it("are told as people write them", () => {
    expect([...office, window([6, 7], "22:00", "04:30", "UTC")].map(windowText)).toEqual([
      "Mon–Fri 09:00–17:00 Europe/Berlin",
      "Sat, Sun 22:00–04:30 UTC",
    ]);
  });
});

/** Another way to read a zone's clock than the one that is tested. */
function wall(zone: string): (ms: number) => { day: number; minute: number } {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
  return (ms) => {
    const [day = "", time = ""] = format.format(ms).split(/,? /);
    return { day: names.indexOf(day) + 1, minute: clock(time) };
  };
}

function opened({ days, from, to }: Window, { day, minute }: { day: number; minute: number }): boolean {
  const yesterday = day === 1 ? 7 : day - 1;
  if (from < to) return days.includes(day) && from <= minute && minute < to;
  return (days.includes(day) && from <= minute) || (days.includes(yesterday) && minute < to);
}

describe("against a walk, minute by minute", () => {
  const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"];
  const clocks = new Map(zones.map((zone) => [zone, wall(zone)]));
  const year = Date.UTC(2026, 0, 1);
  // The days around each setting of a clock in 2026, so that not only plain days are walked.
  const odd = ["2026-03-08", "2026-03-29", "2026-04-04", "2026-10-03", "2026-10-25", "2026-11-01"].map((day) =>
    Date.parse(day),
  );
  const start = fc.oneof(
    fc.integer({ min: 0, max: 365 * 1440 }).map((minutes) => year + minutes * MINUTE),
    fc
      .tuple(fc.constantFrom(...odd), fc.integer({ min: -1440, max: 2880 }))
      .map(([day, minutes]) => day + minutes * MINUTE),
  );
  // Edges in the hours in which clocks are set come up often enough.
  const edge = fc.oneof(fc.integer({ min: 0, max: 1439 }), fc.integer({ min: 90, max: 200 }));
  const windows = fc.array(
    fc.record({
      days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      from: edge,
      to: edge,
      zone: fc.constantFrom(...zones),
    }),
    { minLength: 1, maxLength: 3 },
  );

  it("they open and close at the same minutes", () => {
    let flips = 0;
    fc.assert(
      fc.property(windows, start, (list, from) => {
        const seen = (ms: number) =>
          list.some((one) => opened(one, clocks.get(one.zone)?.(ms) ?? { day: 0, minute: 0 }));
        const now = new Date(from).toISOString();
        const first = seen(from);
        expect(isOpen(list, now)).toBe(first);
        // Two days are walked; what happens later must not be claimed to happen before.
        const horizon = from + 2 * 1440 * MINUTE;
        let change = from;
        while (change < horizon && seen(change) === first) change += MINUTE;
        const said = first ? closesAt(list, now) : nextOpening(list, now);
        if (change < horizon) {
          flips += 1;
          expect(said).toBe(new Date(change).toISOString());
        } else if (said !== null) expect(Date.parse(said)).toBeGreaterThanOrEqual(horizon);
      }),
      { numRuns: 600 },
    );
    expect(flips).toBeGreaterThan(300);
  }, 120_000);

  it("over a whole year, in each zone, a window opens and closes as the walk does", () => {
    for (const zone of zones) {
      const list = [window([1, 3, 7], "01:45", "02:50", zone), window([6], "23:10", "00:20", zone)];
      const read = clocks.get(zone);
      const walked: string[] = [];
      let before = false;
      for (let ms = year; ms < year + 365 * 1440 * MINUTE; ms += 5 * MINUTE) {
        const open = list.some((one) => opened(one, read?.(ms) ?? { day: 0, minute: 0 }));
        if (open !== before) walked.push(new Date(ms).toISOString());
        before = open;
      }
      const jumped: string[] = [];
      const end = new Date(year + 365 * 1440 * MINUTE).toISOString();
      let now: string | null = new Date(year).toISOString();
      while (now !== null) {
        const opens: string | null = nextOpening(list, now);
        if (opens === null || opens >= end) break;
        jumped.push(opens);
        now = closesAt(list, opens);
        if (now !== null && now < end) jumped.push(now);
      }
      expect(walked.length).toBeGreaterThan(400);
      expect(jumped).toEqual(walked);
    }
  }, 120_000);
});
