export type Cancel = () => void;

/** Everything in the emulator that takes time asks this. Instants are milliseconds since the epoch. */
export interface Clock {
  now(): number;
  /** Runs `work` once, `ms` from now; 0 means after the current work. */
  after(ms: number, work: () => void): Cancel;
  every(ms: number, work: () => void): Cancel;
}

export class RealClock implements Clock {
  now(): number {
    return Date.now();
  }

  after(ms: number, work: () => void): Cancel {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  }

  every(ms: number, work: () => void): Cancel {
    const timer = setInterval(work, ms);
    return () => clearInterval(timer);
  }
}

interface Alarm {
  at: number;
  order: number;
  work: () => void;
}

/** Time that stands still until `advance`. Alarms ring in order of their instant, then of their setting. */
export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  #alarms: Alarm[] = [];

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, work: () => void): Cancel {
    const alarm = { at: this.#now + Math.max(0, ms), order: this.#order++, work };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  every(ms: number, work: () => void): Cancel {
    let cancel: Cancel = () => {};
    const again = () => {
      cancel = this.after(ms, again);
      work();
    };
    cancel = this.after(ms, again);
    return () => cancel();
  }

  /** The instant of the next alarm, if any is set. */
  next(): number | undefined {
    return this.#alarms.reduce<number | undefined>(
      (min, { at }) => (min === undefined || at < min ? at : min),
      undefined,
    );
  }

  /**
   * Moves time on by `ms`, ringing each alarm at its own instant. Between alarms it yields to pending I/O, because an
   * alarm may have started work (a push to a function, say) whose outcome later alarms depend on.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const due = this.#alarms.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!due) break;
      this.#alarms = this.#alarms.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.work();
    }
    this.#now = until;
  }
}
