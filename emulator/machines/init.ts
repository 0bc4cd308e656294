import { AGENT_UNIT, AgentRun, agentCommand, agentMissing, BROUGHT, VERIFY_UNIT } from "./agent.ts";
import type { Guest } from "./guest.ts";
import type { NotifySocket } from "./notify.ts";
import { MountRun, TimerRun } from "./otherruns.ts";
import type { Reaper } from "./reaper.ts";
import { listenSystemctl } from "./systemctl.ts";
import { answerSystemctl } from "./systemctlverbs.ts";
import type { Unit } from "./unitfile.ts";
import { enabledUnits, readUnits } from "./unitfiles.ts";
import { type ActiveState, type Run, UnitRun } from "./unitrun.ts";

export interface InitOptions {
  /** The bundled agent; empty for none. */
  agent: string;
  /** Where the agent finds Google's APIs. */
  origin: string;
  attributes: Record<string, string>;
}

/** The first process of an instance, as much of systemd as images and the agent need: enabled units in their order, and systemctl. */
export class Init {
  readonly #guest: Guest;
  readonly #reaper: Reaper;
  readonly #agent: AgentRun;
  /** Of the units that were ever asked to start. */
  readonly #runs = new Map<string, Run>();
  readonly #started = new Map<string, Promise<boolean>>();
  /** All that were found, as they were read last. */
  #units = new Map<string, Unit>();
  /** Units whose start has not come to its end. */
  readonly #waiting = new Set<string>();
  #options: InitOptions | undefined;
  #systemctl: NotifySocket | undefined;
  #agentState: ActiveState = "inactive";
  #agentBegun: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(guest: Guest, reaper: Reaper) {
    this.#guest = guest;
    this.#reaper = reaper;
    this.#agent = new AgentRun(guest, reaper);
  }

  /** Resolves when the boot has begun: the agent and what does not need it are on their way. */
  async boot(options: InitOptions): Promise<void> {
    this.#options = options;
    this.reload();
    this.#systemctl = await listenSystemctl(this.#guest, (words) => answerSystemctl(this, words));
    const enabled = enabledUnits(this.#guest.root, this.#units);
    for (const { name } of enabled) this.#runOf(name);
    this.#started.set(AGENT_UNIT, this.#bootAgent(options));
    for (const { name } of enabled) void this.#begin(name, []);
    await this.#agentBegun;
  }

  /** Reads all units anew, as at boot. What runs goes on; what is to start is started as it is written now. */
  reload(): void {
    const agent = this.#options?.agent ?? "";
    const found = readUnits(this.#guest.root, agent === "" ? {} : BROUGHT);
    // The image's own units say what runs on a real machine; here the emulator's agent takes its place.
    found.delete(AGENT_UNIT);
    const verify = found.get(VERIFY_UNIT);
    if (verify && agent !== "") {
      const words = [
        process.execPath,
        ...agentCommand(agent, this.#guest, this.#options?.origin ?? "", "verify", "--report"),
      ];
      verify.start = [{ words, optional: false, named: false, expand: false }];
    }
    this.#units = found;
    for (const [name, run] of this.#runs) run.unit = found.get(name) ?? run.unit;
  }

  #runOf(name: string): Run | undefined {
    const known = this.#runs.get(name);
    const unit = this.#units.get(name);
    if (known || !unit) return known;
    for (const remark of unit.remarks) this.#guest.say(`${name}: ${remark}`);
    const run = name.endsWith(".mount")
      ? new MountRun(unit, this.#guest)
      : name.endsWith(".timer")
        ? new TimerRun(unit, this.#guest, (triggered) => void this.start(triggered))
        : new UnitRun(unit, this.#guest, this.#reaper);
    this.#runs.set(name, run);
    return run;
  }

  /** What `systemctl show` knows. */
  stateOf(name: string): { load: "loaded" | "bad-setting" | "not-found"; active: ActiveState; result: string } {
    if (name === AGENT_UNIT) return { load: "loaded", active: this.#agentState, result: "success" };
    const { state = "inactive", result = "success" } = this.#runs.get(name) ?? {};
    const unit = this.#units.get(name);
    const bad = name.endsWith(".service") && unit?.start.length === 0;
    return { load: unit ? (bad ? "bad-setting" : "loaded") : "not-found", active: state, result };
  }

  /** Starts what does not run, with what it wants and requires. @returns whether it started. */
  start(name: string): Promise<boolean> {
    const unit = this.#units.get(name);
    if (this.#stopping || !unit) return Promise.resolve(false);
    for (const other of [...unit.requires, ...unit.wants, name]) {
      const ended = !this.#waiting.has(other) && ["inactive", "failed"].includes(this.stateOf(other).active);
      if (ended && other !== AGENT_UNIT) this.#started.delete(other);
    }
    for (const other of unit.wants) void this.#begin(other, []);
    return this.#begin(name, []);
  }

  async stopUnit(name: string): Promise<void> {
    await this.#runs.get(name)?.stop(Number.POSITIVE_INFINITY);
  }

  #bootAgent({ agent, origin, attributes }: InitOptions): Promise<boolean> {
    const missing = agentMissing(agent, this.#guest.root, attributes);
    if (missing !== undefined) {
      this.#guest.say(`${AGENT_UNIT}: not started: ${missing}`);
      return Promise.resolve(false);
    }
    this.#agentState = "activating";
    const begun = this.#agent.start(agent, origin);
    this.#agentBegun = begun.then(
      () => {},
      () => {},
    );
    return begun.then(
      async ({ sealed }) => {
        this.#agentState = (await sealed) ? "active" : "failed";
        if (this.#agentState === "active") return true;
        this.#guest.say(`${AGENT_UNIT}: failed: it ended before it was ready`);
        return false;
      },
      (problem: unknown) => {
        this.#agentState = "failed";
        this.#guest.say(`${AGENT_UNIT}: failed: ${(problem as Error).message}`);
        return false;
      },
    );
  }

  /** Starts a unit after those it must follow. `path` holds the units that wait for it, to find circles. */
  #begin(name: string, path: readonly string[]): Promise<boolean> {
    if (path.includes(name)) {
      this.#guest.say(`${name}: ordering cycle: ${[...path, name].join(" → ")}`);
      return Promise.resolve(false);
    }
    const known = this.#started.get(name);
    if (known) return known;
    const unit = this.#units.get(name);
    const run = this.#runOf(name);
    if (!unit || !run) return Promise.resolve(true);
    this.#waiting.add(name);
    const started = this.#follow(unit, run, [...path, name]).finally(() => this.#waiting.delete(name));
    this.#started.set(name, started);
    return started;
  }

  async #follow(unit: Unit, run: Run, path: readonly string[]): Promise<boolean> {
    for (const name of unit.requires) {
      // Targets, sockets and mounts are taken to be there; a service is not.
      if (!name.endsWith(".service") || name === AGENT_UNIT || this.#units.has(name)) continue;
      this.#guest.say(`${unit.name}: dependency failed: there is no ${name}`);
      return false;
    }
    const first = this.#predecessors(unit);
    const results = await Promise.all(first.map(async (name) => ({ name, ok: await this.#begin(name, path) })));
    const failed = results.find(({ name, ok }) => !ok && unit.requires.includes(name));
    if (failed) {
      if (!this.#stopping) this.#guest.say(`${unit.name}: dependency failed: ${failed.name}`);
      return false;
    }
    return this.#stopping ? false : run.start();
  }

  /** What is required counts as ordered too: starting both at once and stopping one again helps nobody here. */
  #predecessors(unit: Unit): string[] {
    const others = [...this.#runs.values()].filter((other) => other.unit.startsBefore.includes(unit.name));
    const ordered = [...unit.startsAfter, ...others.map((other) => other.unit.name)];
    const known = ordered.filter((name) => name === AGENT_UNIT || this.#runs.has(name));
    return [...new Set([...known, ...unit.requires.filter((name) => name === AGENT_UNIT || this.#units.has(name))])];
  }

  /** Stops everything, last started first, all within `graceMs`. Resolves when nothing the init knows of is left. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const { clock } = this.#guest;
    const deadline = clock.now() + graceMs;
    const stopped = new Map<string, Promise<void>>();
    const stopUnit = (name: string, path: readonly string[]): Promise<void> => {
      if (path.includes(name)) return Promise.resolve();
      const known = stopped.get(name);
      if (known) return known;
      const followers = [...this.#runs.values()].filter(({ unit }) => this.#predecessors(unit).includes(name));
      const work = Promise.all(followers.map(({ unit }) => stopUnit(unit.name, [...path, name]))).then(() => {
        const left = Math.max(0, deadline - clock.now());
        return name === AGENT_UNIT ? this.#agent.stop(left) : this.#runs.get(name)?.stop(left);
      });
      stopped.set(name, work);
      return work;
    };
    await Promise.all([...this.#runs.keys(), AGENT_UNIT].map((name) => stopUnit(name, [])));
    await Promise.all(this.#started.values());
    this.#systemctl?.close();
  }
}
