import { createHash } from "node:crypto";
import type { Cancel, Clock } from "../clock.ts";
import type { Answer } from "../http.ts";
import { refusalOf } from "./refusal.ts";
import { type FaultAction, type FaultRule, type Place, placesOf } from "./rule.ts";

/** A rule at work. `seen` counts what it matched, `fired` how often it struck. */
export interface Fault extends FaultRule {
  id: string;
  seen: number;
  fired: number;
}

/** What a rule is held against. The principal is asked for only when a rule wants to know. */
export interface Subject {
  service: string;
  method: string;
  resource: string;
  /** Where a machine is made. */
  zone?: string;
  principal: () => string;
}

export interface SavedFaults {
  count: number;
  faults: Fault[];
}

/** What matters here of a call's answer, whatever carries it. */
export type Outcome = Pick<Answer, "status" | "cut">;

/** How long a message waits to be overtaken when no other comes. */
const OVERTAKEN_MS = 2_000;

/** The emulator's faults: rules that people and tests add, applied by the frame and counted. */
export class Faults {
  readonly #clock: Clock;
  readonly #seed: string;
  readonly #faults = new Map<string, Fault>();
  readonly #held = new Map<string, { go: () => void; cancel: Cancel }>();
  #count = 0;
  /** Told of every strike. */
  onFired: (fault: Fault, subject: Subject) => void = () => {};
  onChange: () => void = () => {};

  constructor(clock: Clock, seed: string) {
    this.#clock = clock;
    this.#seed = seed;
  }

  list(): Fault[] {
    return [...this.#faults.values()];
  }

  add(rule: FaultRule): Fault {
    const fault = { id: `fault-${++this.#count}`, ...rule, seen: 0, fired: 0 };
    this.#faults.set(fault.id, fault);
    this.onChange();
    return fault;
  }

  remove(id: string): boolean {
    const removed = this.#faults.delete(id);
    this.onChange();
    return removed;
  }

  clear(): void {
    this.#faults.clear();
    this.onChange();
  }

  /** The faults that strike this time; counted. */
  take(subject: Subject, place: Place, when: "before" | "after" = "before"): Fault[] {
    if (this.#faults.size === 0) return [];
    return [...this.#faults.values()].filter((fault) => {
      if (fault.when !== when || !placesOf(fault).includes(place) || !matches(fault, subject)) return false;
      fault.seen++;
      this.onChange();
      if (!this.#strikes(fault)) return false;
      fault.fired++;
      this.onFired(fault, subject);
      return true;
    });
  }

  #strikes({ id, seen, fired, times, every, probability }: Fault): boolean {
    if (times !== undefined && fired >= times) return false;
    if (every !== undefined) return seen % every === 0;
    if (probability === undefined) return true;
    const drawn = createHash("sha256").update(`${this.#seed}:${id}:${seen}`).digest().readUInt32BE();
    return drawn / 2 ** 32 < probability;
  }

  /**
   * Runs a call with the faults that are meant for it. What strikes after it does so only when it succeeded: an effect
   * whose answer is lost. Throws the ApiError of a `fail`.
   */
  async around<T extends Outcome>(subject: Subject, run: () => Promise<T> | T): Promise<T | Outcome> {
    for (const { do: action } of this.take(subject, "call")) {
      const cut = await this.#suffer(action, subject);
      if (cut) return cut;
    }
    const answer = await run();
    if ((answer.status ?? 200) >= 400) return answer;
    for (const { do: action } of this.take(subject, "call", "after")) {
      const cut = await this.#suffer(action, subject);
      if (cut) return cut;
    }
    return answer;
  }

  async #suffer(action: FaultAction, subject: Subject): Promise<Outcome | undefined> {
    if (action.delay !== undefined) await this.wait(action.delay);
    else if (action.reset || action.drop) return { cut: action.reset ? "reset" : "silence" };
    else throw refusalOf(action, subject);
    return undefined;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }

  /**
   * Sends a message on its way, which may be lost, late or overtaken. `go` delivers it; `again` asks for one delivery more
   * than usual.
   */
  deliver(subject: Subject, go: (again: boolean) => void): void {
    const taken = this.take(subject, "delivery").map((fault) => fault.do);
    if (taken.some(({ drop }) => drop)) return;
    const again = taken.some(({ duplicate }) => duplicate);
    const lane = `${subject.method} ${subject.resource}`;
    const late = Math.max(0, ...taken.map(({ delay = 0 }) => delay));
    if (late > 0) this.#clock.after(late, () => go(again));
    else if (taken.some(({ reorder }) => reorder) && !this.#held.has(lane)) this.#hold(lane, () => go(again));
    else {
      go(again);
      this.#release(lane);
    }
  }

  #hold(lane: string, go: () => void): void {
    const cancel = this.#clock.after(OVERTAKEN_MS, () => this.#release(lane));
    this.#held.set(lane, { go, cancel });
  }

  #release(lane: string): void {
    const held = this.#held.get(lane);
    this.#held.delete(lane);
    held?.cancel();
    held?.go();
  }

  /** Lets go of every message that waits to be overtaken, so that none is lost when the emulator stops. */
  flush(): void {
    for (const lane of [...this.#held.keys()]) this.#release(lane);
  }

  save(): SavedFaults {
    return { count: this.#count, faults: this.list() };
  }

  load({ count, faults }: SavedFaults): void {
    this.#count = count;
    for (const fault of faults) this.#faults.set(fault.id, { ...fault });
  }
}

function matches({ match, do: { stockOut } }: FaultRule, subject: Subject): boolean {
  if (stockOut !== undefined && stockOut !== subject.zone) return false;
  const { service, method, resource, principal } = match;
  if (service !== undefined && service !== subject.service) return false;
  if (method !== undefined && !isNamed(method, subject.method)) return false;
  if (resource !== undefined && !new RegExp(resource).test(subject.resource)) return false;
  return principal === undefined || principal === subject.principal();
}

function isNamed(pattern: string, method: string): boolean {
  return pattern.endsWith("*") ? method.startsWith(pattern.slice(0, -1)) : pattern === method;
}
