import { type Instant, instant, msOf } from "./instants.ts";
import type { Window } from "./policy.ts";

/*
 * A window is open while the clock on the wall of its zone says so. What follows for the two odd days of the year: a window
 * from 02:30 on a day without 02:30 opens at the first instant after the gap, one that lies wholly in the gap does not open
 * that day, and an hour that the clock shows twice belongs to the window both times.
 */

const DAY_MS = 86_400_000;
/** The only weekday of a window may fall wholly into a gap; the one of the week after does not. */
const HORIZON_MS = 15 * DAY_MS;

const clocks = new Map<string, Intl.DateTimeFormat | null>();

function clockOf(zone: string): Intl.DateTimeFormat | null {
  const known = clocks.get(zone);
  if (known !== undefined) return known;
  let clock: Intl.DateTimeFormat | null = null;
  try {
    clock = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    // Not a zone, or no longer one: a window there is never open.
  }
  clocks.set(zone, clock);
  return clock;
}

export function isZone(zone: string): boolean {
  return clockOf(zone) !== null;
}

/** What the clocks of the zone are ahead of UTC at that instant, in milliseconds; whole seconds. */
function offsetAt(clock: Intl.DateTimeFormat, at: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of clock.formatToParts(at)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

function isOpenAt(window: Window, local: number): boolean {
  const day = Math.floor(local / DAY_MS);
  const minute = Math.floor((local - day * DAY_MS) / 60_000);
  // 1970-01-01 was a Thursday, ISO day 4.
  const on = (date: number) => window.days.includes(((((date + 3) % 7) + 7) % 7) + 1);
  if (window.from < window.to) return on(day) && window.from <= minute && minute < window.to;
  return (on(day) && minute >= window.from) || (on(day - 1) && minute < window.to);
}

function openAt(windows: readonly Window[], at: number): boolean {
  return windows.some((window) => {
    const clock = clockOf(window.zone);
    return clock !== null && isOpenAt(window, at + offsetAt(clock, at));
  });
}

/** The next instant after `at` at which a window may open or close: its clock reaches an edge, or is set. */
function nextEdge(window: Window, at: number): number {
  const clock = clockOf(window.zone);
  if (!clock) return Number.POSITIVE_INFINITY;
  const offset = offsetAt(clock, at);
  const local = at + offset;
  const midnight = Math.floor(local / DAY_MS) * DAY_MS;
  const edges = [window.from, window.to].flatMap((minute) => [
    midnight + minute * 60_000,
    midnight + DAY_MS + minute * 60_000,
  ]);
  const edge = Math.min(midnight + DAY_MS, ...edges.filter((time) => time > local)) - offset;
  if (offsetAt(clock, edge) === offset) return edge;
  let before = at;
  let after = edge;
  while (after - before > 1000) {
    const middle = Math.floor((before + after) / 2000) * 1000;
    if (middle <= before) break;
    if (offsetAt(clock, middle) === offset) before = middle;
    else after = middle;
  }
  return after;
}

/** The first instant from `at` on at which the windows together are open, or closed. */
function firstInstant(windows: readonly Window[], at: number, open: boolean): number | null {
  for (let time = at; time <= at + HORIZON_MS; time = Math.min(...windows.map((window) => nextEdge(window, time))))
    if (openAt(windows, time) === open) return time;
  return null;
}

/** May a step begin? No windows: at any time. */
export function isOpen(windows: readonly Window[], now: Instant): boolean {
  return windows.length === 0 || openAt(windows, msOf(now));
}

/** When they are open next: now, when they are. Null: never, as far as can be seen. */
export function nextOpening(windows: readonly Window[], now: Instant): Instant | null {
  if (windows.length === 0) return now;
  const at = firstInstant(windows, msOf(now), true);
  return at === null ? null : at === msOf(now) ? now : instant(at);
}

/** When the present opening ends. Null: they are closed, or do not close. */
export function closesAt(windows: readonly Window[], now: Instant): Instant | null {
  if (windows.length === 0 || !isOpen(windows, now)) return null;
  const at = firstInstant(windows, msOf(now), false);
  return at === null ? null : instant(at);
}

const NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** `Mon–Fri 09:00–17:00 Europe/Berlin`, for people. */
export function windowText({ days, from, to, zone }: Window): string {
  const named = days.map((day) => NAMES[day - 1] ?? "");
  const inRow = days.length > 2 && days.every((day, i) => i === 0 || day === (days[i - 1] ?? 0) + 1);
  const clock = (minutes: number) =>
    `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  return `${inRow ? `${named[0]}–${named.at(-1)}` : named.join(", ")} ${clock(from)}–${clock(to)} ${zone}`;
}
