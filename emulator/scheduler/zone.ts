import { type Cron, fitsDay } from "./cron.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What is searched before a schedule counts as never running (`0 0 30 2 *`): from one 29 February to the next may take 8 years. */
const FARTHEST = 9 * 366 * DAY;

/** Wall-clock times of an IANA zone. Throws RangeError for a name that is not one. */
export class Zone {
  readonly #format: Intl.DateTimeFormat;

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
  }

  /** What clocks there show at an instant (a whole minute), as if it were UTC, ms. */
  #wall(instant: number): number {
    const parts: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute);
  }

  /**
   * An instant after `instant`, near the one at which clocks show `target`, and never after it: where clocks are put
   * forward on the way, the plain difference would overshoot.
   */
  #towards(instant: number, wall: number, target: number): number {
    const guess = instant + target - wall;
    const beyond = this.#wall(guess) - target;
    return beyond > 0 ? Math.max(guess - beyond, instant + MINUTE) : guess;
  }

  /**
   * The first instant after `after` at which the schedule runs, or undefined when it never does. A time that clocks skip
   * does not run that day; one that they show twice runs twice.
   */
  next(cron: Cron, after: number): number | undefined {
    let instant = (Math.floor(after / MINUTE) + 1) * MINUTE;
    while (instant < after + FARTHEST) {
      const wall = this.#wall(instant);
      const date = new Date(wall);
      if (!fitsDay(cron, date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate())) {
        instant = this.#towards(instant, wall, (Math.floor(wall / DAY) + 1) * DAY);
      } else if (!cron.hours.has(date.getUTCHours())) {
        instant = this.#towards(instant, wall, (Math.floor(wall / HOUR) + 1) * HOUR);
      } else if (!cron.minutes.has(date.getUTCMinutes())) {
        instant += MINUTE;
      } else return instant;
    }
    return undefined;
  }
}
