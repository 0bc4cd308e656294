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
  work: () => void;
}

/** Time that stands still until `advance`. Alarms ring in order of their instant, then of their setting. */
export class ManualClock implements Clock {
  #now: number;
  /** In the order in which they ring. */
  #alarms: Alarm[] = [];

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, work: () => void): Cancel {
    const alarm = { at: this.#now + Math.max(0, ms), work };
    let low = 0;
    let high = this.#alarms.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#alarms[middle]?.at ?? 0) <= alarm.at) low = middle + 1;
      else high = middle;
    }
    this.#alarms.splice(low, 0, alarm);
    return () => {
      const found = this.#alarms.indexOf(alarm);
      if (found >= 0) this.#alarms.splice(found, 1);
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
    return this.#alarms[0]?.at;
  }

  /**
   * Moves time on by `ms`, ringing each alarm at its own instant. Between alarms it yields to pending I/O, because an
   * alarm may have started work (a push to a function, say) whose outcome later alarms depend on.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const due = this.#alarms[0];
      if (!due || due.at > until) break;
      this.#alarms.shift();
      this.#now = Math.max(this.#now, due.at);
      due.work();
    }
    this.#now = until;
  }
}

/** A clock whose alarms all end at once: what an emulator that was emptied had planned must not ring in the next one. */
export class EndingClock implements Clock {
  readonly #clock: Clock;
  readonly #alarms = new Set<Cancel>();
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, work: () => void): Cancel {
    if (this.#ended) return () => {};
    const cancel = this.#clock.after(ms, () => {
      this.#alarms.delete(cancel);
      work();
    });
    return this.#keep(cancel);
  }

  every(ms: number, work: () => void): Cancel {
    return this.#ended ? () => {} : this.#keep(this.#clock.every(ms, work));
  }

  #keep(cancel: Cancel): Cancel {
    this.#alarms.add(cancel);
    return () => {
      this.#alarms.delete(cancel);
      cancel();
    };
  }

  end(): void {
    this.#ended = true;
    for (const cancel of this.#alarms) cancel();
    this.#alarms.clear();
  }
}
