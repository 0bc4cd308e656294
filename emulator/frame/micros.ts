import type { Clock } from "./clock.ts";

/**
 * Instants in microseconds that never repeat and never go back, although the clock may stand still: what generations
 * of objects and etags of secrets are made of. They stay below 2^53 until the year 2255.
 */
export class Micros {
  readonly #clock: Clock;
  last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): number {
    this.last = Math.max(this.#clock.now() * 1000, this.last + 1);
    return this.last;
  }
}

/** RFC 3339 in UTC with six digits of a second. */
export function utcMicros(micros: number): string {
  const millis = Math.floor(micros / 1000);
  return new Date(millis).toISOString().replace("Z", `${String(micros - millis * 1000).padStart(3, "0")}Z`);
}
