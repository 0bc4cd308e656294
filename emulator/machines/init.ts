import { AGENT_UNIT, AgentRun, agentMissing } from "./agent.ts";
import type { Guest } from "./guest.ts";
import type { Reaper } from "./reaper.ts";
import type { Unit } from "./unitfile.ts";
import { enabledUnits, readUnits } from "./unitfiles.ts";
import { UnitRun } from "./unitrun.ts";

export interface InitOptions {
  /** The bundled agent; empty for none. */
  agent: string;
  /** Where the agent finds Google's APIs. */
  origin: string;
  attributes: Record<string, string>;
}

/** The first process of an instance, as much of systemd as images need: enabled units in their order. */
export class Init {
  readonly #guest: Guest;
  readonly #reaper: Reaper;
  readonly #agent: AgentRun;
  readonly #runs = new Map<string, UnitRun>();
  readonly #started = new Map<string, Promise<boolean>>();
  #units = new Map<string, Unit>();
  #agentBegun: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(guest: Guest, reaper: Reaper) {
    this.#guest = guest;
    this.#reaper = reaper;
    this.#agent = new AgentRun(guest, reaper);
  }

  /** Resolves when the boot has begun: the agent and what does not need it are on their way. */
  async boot(options: InitOptions): Promise<void> {
    const { root } = this.#guest;
    const found = readUnits(root);
    // The image's own unit of this name says what runs on a real machine; here the emulator's agent takes its place.
    found.delete(AGENT_UNIT);
    this.#units = new Map(enabledUnits(found).map((unit) => [unit.name, unit]));
    for (const unit of this.#units.values()) {
      for (const remark of unit.remarks) this.#guest.say(`${unit.name}: ${remark}`);
      this.#runs.set(unit.name, new UnitRun(unit, this.#guest, this.#reaper));
    }
    this.#started.set(AGENT_UNIT, this.#bootAgent(options));
    for (const name of this.#units.keys()) void this.#begin(name, []);
    await this.#agentBegun;
  }

  #bootAgent({ agent, origin, attributes }: InitOptions): Promise<boolean> {
    const missing = agentMissing(agent, this.#guest.root, attributes);
    if (missing !== undefined) {
      this.#guest.say(`${AGENT_UNIT}: not started: ${missing}`);
      return Promise.resolve(false);
    }
    const begun = this.#agent.start(agent, origin);
    this.#agentBegun = begun.then(
      () => {},
      () => {},
    );
    return begun.then(
      async ({ sealed }) => {
        if (await sealed) return true;
        this.#guest.say(`${AGENT_UNIT}: failed: it ended before it was ready`);
        return false;
      },
      (problem: unknown) => {
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
    const run = this.#runs.get(name);
    if (!unit || !run) return Promise.resolve(true);
    const started = this.#follow(unit, run, [...path, name]);
    this.#started.set(name, started);
    return started;
  }

  async #follow(unit: Unit, run: UnitRun, path: readonly string[]): Promise<boolean> {
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
    const others = [...this.#units.values()].filter((other) => other.startsBefore.includes(unit.name));
    const wanted = [...unit.startsAfter, ...unit.requires, ...others.map(({ name }) => name)];
    return [...new Set(wanted)].filter((name) => name === AGENT_UNIT || this.#units.has(name));
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
      const followers = [...this.#units.values()].filter((unit) => this.#predecessors(unit).includes(name));
      const work = Promise.all(followers.map((unit) => stopUnit(unit.name, [...path, name]))).then(() => {
        const left = Math.max(0, deadline - clock.now());
        return name === AGENT_UNIT ? this.#agent.stop(left) : this.#runs.get(name)?.stop(left);
      });
      stopped.set(name, work);
      return work;
    };
    await Promise.all([...this.#units.keys(), AGENT_UNIT].map((name) => stopUnit(name, [])));
    await Promise.all(this.#started.values());
  }
}
