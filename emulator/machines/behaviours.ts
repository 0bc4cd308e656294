import { ApiError } from "../frame/errors.ts";
import type { MachineSpec, ProbeResult } from "./machines.ts";

/** How virtual machines behave. All that is left out matches every machine, or does not change anything. */
export interface Behaviour {
  /** Image name; `*` stands for anything. */
  image?: string;
  /** Instance name; `*` stands for anything. */
  instance?: string;
  /** Name of the health check that asks; `*` stands for anything. */
  check?: string;
  /** Until then nothing on the machine answers. */
  bootSeconds?: number;
  health?: ProbeResult;
  /** The health holds from `from` to `to`, in seconds since power-on. */
  from?: number;
  to?: number;
}

export type KnownBehaviour = Behaviour & { id: string };

const HEALTH: readonly ProbeResult[] = ["HEALTHY", "UNHEALTHY", "TIMEOUT"];
const TEXTS = ["image", "instance", "check"] as const;
const NUMBERS = ["bootSeconds", "from", "to"] as const;
const FIELDS = new Set<string>([...TEXTS, ...NUMBERS, "health"]);

/** The rules in force; of several that match, the newest wins. */
export class Behaviours {
  #rules: KnownBehaviour[] = [];
  #made = 0;

  list(): KnownBehaviour[] {
    return this.#rules;
  }

  add(behaviour: Behaviour): KnownBehaviour {
    const known = { id: String(++this.#made), ...behaviour };
    this.#rules = [...this.#rules, known];
    return known;
  }

  /** False when there is none with this id. */
  remove(id: string): boolean {
    const before = this.#rules.length;
    this.#rules = this.#rules.filter((rule) => rule.id !== id);
    return this.#rules.length < before;
  }

  clear(): void {
    this.#rules = [];
  }

  save(): { made: number; rules: KnownBehaviour[] } {
    return { made: this.#made, rules: this.#rules };
  }

  load(saved: { made: number; rules: KnownBehaviour[] }): void {
    this.#made = saved.made;
    this.#rules = saved.rules;
  }

  /** What a prober finds `seconds` after power-on; `check` is the name of the check it asks for. */
  health(machine: Pick<MachineSpec, "name" | "image">, seconds: number, check = ""): ProbeResult {
    const matching = this.#rules.filter((rule) => matches(rule, machine) && like(rule.check, check)).reverse();
    const boot = matching.find(({ bootSeconds }) => bootSeconds !== undefined)?.bootSeconds ?? 0;
    // The machine is there but nothing listens on it yet: connections are refused.
    if (seconds < boot) return "UNHEALTHY";
    const rule = matching.find(
      ({ health, from = 0, to = Number.POSITIVE_INFINITY }) => health !== undefined && from <= seconds && seconds < to,
    );
    return rule?.health ?? "HEALTHY";
  }
}

function matches(rule: Behaviour, { name, image }: Pick<MachineSpec, "name" | "image">): boolean {
  return like(rule.instance, name) && like(rule.image, image.slice(image.lastIndexOf("/") + 1));
}

function like(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  const source = pattern
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${source}$`).test(text);
}

/** Checks what somebody posted. Throws a 400 ApiError that names the field. */
export function readBehaviour(body: Record<string, unknown>): Behaviour {
  for (const name of Object.keys(body)) {
    if (!FIELDS.has(name)) throw new ApiError(400, `unknown field "${name}"; known are ${[...FIELDS].join(", ")}`);
  }
  const behaviour: Behaviour = {};
  for (const name of TEXTS) {
    const value = body[name];
    if (value === undefined) continue;
    if (typeof value !== "string" || value === "") throw new ApiError(400, `"${name}" must be a name, * for any part`);
    behaviour[name] = value;
  }
  for (const name of NUMBERS) {
    const value = body[name];
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value >= 0)) throw new ApiError(400, `"${name}" must be seconds, at least 0`);
    behaviour[name] = value;
  }
  if (body.health !== undefined) {
    const health = HEALTH.find((known) => known === body.health);
    if (!health) throw new ApiError(400, `"health" must be one of ${HEALTH.join(", ")}`);
    behaviour.health = health;
  }
  if (behaviour.health === undefined && behaviour.bootSeconds === undefined) {
    throw new ApiError(400, `give "health" or "bootSeconds", else nothing changes`);
  }
  if (behaviour.health === undefined && (behaviour.from !== undefined || behaviour.to !== undefined)) {
    throw new ApiError(400, `"from" and "to" say when "health" holds; give it too`);
  }
  return behaviour;
}
