import type { Clock } from "../frame/clock.ts";

/** Attributes are read live from Compute's resource, which rings no bell here; a look costs microseconds. */
const LOOK_EVERY_MS = 50;

/** Requests that wait for a value to change. */
export class Waits {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves once `changed()` is true, after `ms` (never when undefined), when who asked is gone, or at `close`. */
  until(changed: () => boolean, ms: number | undefined, gone?: AbortSignal): Promise<void> {
    if (changed() || ms === 0 || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting.delete(look);
        stopLooking();
        stopTimer();
        gone?.removeEventListener("abort", end);
        resolve();
      };
      const look = () => {
        if (this.#closed || changed()) end();
      };
      const stopLooking = this.#clock.every(LOOK_EVERY_MS, look);
      const stopTimer = ms === undefined ? () => {} : this.#clock.after(ms, end);
      this.#waiting.add(look);
      gone?.addEventListener("abort", end);
    });
  }

  /** Something changed just now. */
  look(): void {
    for (const look of [...this.#waiting]) look();
  }

  close(): void {
    this.#closed = true;
    this.look();
  }
}
