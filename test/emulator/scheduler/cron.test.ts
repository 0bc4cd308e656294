import { describe, expect, it } from "vitest";
import { CronError, parseCron } from "../../../emulator/scheduler/cron.ts";
import { Zone } from "../../../emulator/scheduler/zone.ts";

describe("a unix-cron schedule", () => {
  type Row = [says: string, schedule: string, zone: string, after: string, next: (string | undefined)[]];
  const rows: Row[] = [
    ["every minute", "* * * * *", "UTC", "2026-01-01T00:00:30Z", ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]],
    ["never the instant itself", "0 * * * *", "UTC", "2026-01-01T01:00:00Z", ["2026-01-01T02:00:00Z"]],
    [
      "steps",
      "*/20 * * * *",
      "UTC",
      "2026-01-01T00:00:00Z",
      ["2026-01-01T00:20:00Z", "2026-01-01T00:40:00Z", "2026-01-01T01:00:00Z"],
    ],
    [
      "a step from a number on",
      "50/5 0 * * *",
      "UTC",
      "2026-01-01T00:00:00Z",
      ["2026-01-01T00:50:00Z", "2026-01-01T00:55:00Z", "2026-01-02T00:50:00Z"],
    ],
    [
      "ranges, lists and names",
      "0 9-10,17 * JAN MON-FRI",
      "UTC",
      "2026-01-02T10:30:00Z",
      ["2026-01-02T17:00:00Z", "2026-01-05T09:00:00Z"],
    ],
    ["Sunday is 0 and 7", "0 0 * * 7", "UTC", "2026-01-01T00:00:00Z", ["2026-01-04T00:00:00Z"]],
    [
      "day of month or day of week, when both are given",
      "0 0 10 * 1",
      "UTC",
      "2026-01-05T12:00:00Z",
      ["2026-01-10T00:00:00Z", "2026-01-12T00:00:00Z"],
    ],
    ["29 February", "0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", ["2028-02-29T00:00:00Z"]],
    ["30 February never comes", "0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", [undefined]],
    ["wall clock of the zone", "0 9 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", ["2026-01-01T08:00:00Z"]],
    ["the same in summer", "0 9 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", ["2026-07-01T07:00:00Z"]],
    [
      "a time that clocks skip does not run that day",
      "30 2 * * *",
      "Europe/Berlin",
      "2026-03-28T02:00:00Z",
      ["2026-03-30T00:30:00Z"],
    ],
    [
      "midnight after the clocks went forward",
      "0 0 * * *",
      "Europe/Berlin",
      "2026-03-28T23:00:00Z",
      ["2026-03-29T22:00:00Z"],
    ],
    [
      "midnight of the day after, when clocks go forward before it",
      "0 0 * * 1",
      "Europe/Berlin",
      "2026-03-28T23:00:00Z",
      ["2026-03-29T22:00:00Z"],
    ],
    [
      "a time that clocks show twice runs twice",
      "30 2 * * *",
      "Europe/Berlin",
      "2026-10-24T12:00:00Z",
      ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"],
    ],
    ["a zone that skips midnight", "0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", ["2026-09-07T03:00:00Z"]],
    ["a zone off by half an hour", "0 0 * * *", "Asia/Kolkata", "2026-01-01T00:00:00Z", ["2026-01-01T18:30:00Z"]],
  ];
  it.each(rows)("%s", (_, schedule, zone, after, wanted) => {
    const cron = parseCron(schedule);
    let at: number | undefined = Date.parse(after);
    for (const next of wanted) {
      at = at === undefined ? undefined : new Zone(zone).next(cron, at);
      expect(at === undefined ? undefined : new Date(at).toISOString().replace(".000", "")).toBe(next);
    }
  });

  it("agrees, over a year with both changes of the clocks, with looking at every minute", () => {
    const zone = "America/New_York";
    const cron = parseCron("*/30 1-3 * * *");
    const found: number[] = [];
    const start = Date.UTC(2026, 0, 1);
    for (
      let at: number | undefined = start;
      at !== undefined && at < Date.UTC(2027, 0, 1);
      at = new Zone(zone).next(cron, at)
    ) {
      if (at !== start) found.push(at);
    }
    const hourAndMinute = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
    const looked: number[] = [];
    for (let at = start + 1_800_000; at < Date.UTC(2027, 0, 1); at += 1_800_000) {
      if (/^0[123]:(00|30)$/.test(hourAndMinute.format(at))) looked.push(at);
    }
    expect(found).toEqual(looked);
  });

  it.each([
    "",
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 8",
    "5-1 * * * *",
    "*/0 * * * *",
    "a * * * *",
    "1-2-3 * * * *",
    "every 5 mins",
  ])("%s is refused", (schedule) => {
    expect(() => parseCron(schedule)).toThrow(CronError);
  });
});
