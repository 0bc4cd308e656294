import type { Cancel } from "../frame/clock.ts";
import { dropCredentials } from "./credentials.ts";
import { type Exit, type Group, startGroup } from "./group.ts";
import type { Guest } from "./guest.ts";
import { prefixed } from "./output.ts";
import type { Reaper } from "./reaper.ts";
import type { Command, Unit } from "./unitfile.ts";
import { unitProgram } from "./unitprogram.ts";

/** As systemd sees it: an end that somebody asked for, or that reports success. */
function isClean({ code, signal }: Exit): boolean {
  return code === 0 || (signal !== null && ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"].includes(signal));
}

function described({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : signal;
}

/** ActiveState and Result of a unit, in systemd's words. */
export type ActiveState = "inactive" | "activating" | "active" | "failed";

/** One unit of one boot. */
export interface Run {
  /** As it was read last; a daemon-reload gives it anew, and it counts from the next start. */
  unit: Unit;
  readonly state: ActiveState;
  readonly result: string;
  /** Whether it started; for a oneshot, whether it ended well. */
  start(): Promise<boolean>;
  /** Resolves when nothing of it runs; SIGKILL after its own time or `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** A service: starts it, starts it again as its Restart= says, stops it. */
export class UnitRun implements Run {
  unit: Unit;
  state: ActiveState = "inactive";
  result = "success";
  readonly #guest: Guest;
  readonly #reaper: Reaper;
  #group: Group | undefined;
  #stopping = false;
  #starts: number[] = [];
  #cancelRestart: Cancel = () => {};
  /** The start under way, so that a stop does not end before it. */
  #starting: Promise<boolean> = Promise.resolve(false);

  constructor(unit: Unit, guest: Guest, reaper: Reaper) {
    this.unit = unit;
    this.#guest = guest;
    this.#reaper = reaper;
  }

  start(): Promise<boolean> {
    this.#stopping = false;
    this.state = "activating";
    this.#starting = this.#startOnce();
    return this.#starting;
  }

  async #startOnce(): Promise<boolean> {
    const { unit } = this;
    const { clock } = this.#guest;
    if (unit.start.length === 0) return this.#failed("it has no ExecStart");
    this.#starts = [...this.#starts.filter((at) => clock.now() - at < unit.limit.ms), clock.now()];
    if (unit.limit.starts > 0 && this.#starts.length > unit.limit.starts) {
      return this.#failed("start request repeated too quickly");
    }
    for (const command of unit.before) if (!(await this.#runToEnd(command, "ExecStartPre"))) return this.#again(false);
    if (unit.type === "oneshot") {
      for (const command of unit.start) if (!(await this.#runToEnd(command, "ExecStart"))) return this.#again(false);
      if (this.#stopping) return false;
      this.#guest.say(`${unit.name}: finished`);
      this.#is(unit.remains ? "active" : "inactive", "success");
      return true;
    }
    const [command] = unit.start;
    const group = command && (await this.#begin(command));
    if (!group) return this.#again(false);
    this.#guest.say(`${unit.name}: started, process ${group.pid}`);
    this.#is("active", "success");
    void group.exited.then(async (exit) => {
      // What the program left behind goes before it may start again. When stopping, `stop` sees to it.
      if (!this.#stopping) await group.end(unit.killSignal, unit.stopMs);
      this.#guest.say(`${unit.name}: ended, ${described(exit)}`);
      const clean = isClean(exit) || (command.optional && exit.signal === null);
      this.#is(
        clean || this.#stopping ? "inactive" : "failed",
        clean ? "success" : exit.signal ? "signal" : "exit-code",
      );
      this.#again(clean);
    });
    return true;
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#cancelRestart();
    await this.#group?.end(this.unit.killSignal, Math.min(graceMs, this.unit.stopMs));
    await this.#starting;
    dropCredentials(this.#guest.root, this.unit.name);
    if (this.state !== "failed") this.#is("inactive", "success");
  }

  #is(state: ActiveState, result: string): void {
    this.state = state;
    this.result = result;
  }

  #failed(why: string, result = "resources"): false {
    this.#is("failed", result);
    if (!this.#stopping) this.#guest.say(`${this.unit.name}: failed: ${why}`);
    return false;
  }

  /** Sets up the next start if there is to be one. */
  #again(clean: boolean): false {
    const { restart, restartMs } = this.unit;
    if (this.#stopping || restart === "no" || (restart === "on-failure" && clean)) return false;
    this.#is("activating", this.result);
    this.#cancelRestart = this.#guest.clock.after(restartMs, () => void this.start());
    return false;
  }

  async #runToEnd(command: Command, what: string): Promise<boolean> {
    const group = await this.#begin(command);
    if (!group) return command.optional && !this.#stopping;
    const exit = await group.exited;
    await group.end("SIGTERM", 0);
    if (this.#stopping) return false;
    return isClean(exit) || command.optional || this.#failed(`${what} ended with ${described(exit)}`, "exit-code");
  }

  async #begin(command: Command): Promise<Group | undefined> {
    if (this.#stopping) return undefined;
    try {
      const program = unitProgram(this.#guest, this.unit, command);
      const output = prefixed(this.unit.name, this.#guest);
      const group = await startGroup(program, output, { reaper: this.#reaper, clock: this.#guest.clock });
      output.name(group.pid);
      this.#group = group;
      // A stop that came while it was starting found nothing to end.
      if (this.#stopping) await group.end("SIGKILL", 0);
      return group;
    } catch (problem) {
      this.#failed((problem as Error).message);
      return undefined;
    }
  }
}
