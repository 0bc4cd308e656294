import type { Cancel } from "../frame/clock.ts";
import { madeOn, mountDisk } from "./datadisks.ts";
import type { Guest } from "./guest.ts";
import type { Unit } from "./unitfile.ts";
import type { ActiveState, Run } from "./unitrun.ts";

/** A mount. Nothing can be mounted here: the folder at its place stands for what the disk holds, and goes with it. */
export class MountRun implements Run {
  unit: Unit;
  state: ActiveState = "inactive";
  result = "success";
  readonly #guest: Guest;

  constructor(unit: Unit, guest: Guest) {
    this.unit = unit;
    this.#guest = guest;
  }

  async start(): Promise<boolean> {
    const { name, mount } = this.unit;
    const made = madeOn(this.#guest.root, mount.what);
    const wrong = made === undefined ? `${mount.what} holds no file system` : made !== mount.fs && `it holds ${made}`;
    if (wrong) {
      this.#guest.say(`${name}: failed: ${wrong}`);
      this.state = "failed";
      this.result = "exit-code";
      return false;
    }
    mountDisk(this.#guest.folder, mount.what, mount.where);
    if (this.state !== "active") this.#guest.say(`${name}: mounted at ${mount.where}`);
    this.state = "active";
    this.result = "success";
    return true;
  }

  async stop(): Promise<void> {
    if (this.state === "active") this.state = "inactive";
  }
}

/** A timer: starts its unit again and again, by the clock of the emulator. */
export class TimerRun implements Run {
  unit: Unit;
  state: ActiveState = "inactive";
  readonly result = "success";
  readonly #guest: Guest;
  readonly #trigger: (unit: string) => void;
  #cancel: Cancel = () => {};

  constructor(unit: Unit, guest: Guest, trigger: (unit: string) => void) {
    this.unit = unit;
    this.#guest = guest;
    this.#trigger = trigger;
  }

  async start(): Promise<boolean> {
    this.#cancel();
    this.state = "active";
    const { first, again } = this.unit.timer;
    this.#in(first ?? again);
    return true;
  }

  #in(ms: number | undefined): void {
    if (ms === undefined) return;
    this.#cancel = this.#guest.clock.after(ms, () => {
      this.#trigger(this.unit.timer.unit);
      this.#in(this.unit.timer.again);
    });
  }

  async stop(): Promise<void> {
    this.#cancel();
    this.state = "inactive";
  }
}
