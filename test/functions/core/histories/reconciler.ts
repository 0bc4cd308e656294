import type { Context } from "../../../../functions/core/context.ts";
import { type Decision, decide } from "../../../../functions/core/decide.ts";
import type { Effect } from "../../../../functions/core/effects.ts";
import { instant } from "../../../../functions/core/instants.ts";
import type { Observation } from "../../../../functions/core/observation.ts";
import type { FleetRecord } from "../../../../functions/core/record.ts";
import { places } from "../small-cloud.ts";
import { type ModelCloud, Refused, sha256 } from "./cloud.ts";

/** What befalls whoever looks. */
export type Fate =
  /** Dies after so many effects. */
  | { what: "dies"; after: number }
  /** Sleeps after so many effects, and does the others later if nobody has decided since. */
  | { what: "sleeps"; after: number; ms: number }
  /** Sleeps with the last change already on its way: nothing but the fingerprint keeps it from being late. */
  | { what: "in flight"; after: number; ms: number };

/** Told of everything that was decided and kept. */
export interface Witness {
  looked(before: FleetRecord, decision: Decision, observation: Observation): void;
  acted(effect: Effect, by: number): void;
}

interface Sleeper {
  wakes: number;
  generation: number;
  effects: Effect[];
  /** Its first effect was asked for before it slept. */
  inFlight: boolean;
}

const CHANGES = new Set<Effect["kind"]>(["insert-template", "patch-group", "patch-autoscaler", "lease"]);

/** Looks as `reconcile` does, and acts as `act` does, with whatever may befall either. */
export class Reconciler {
  looks = 0;
  overtaken = 0;
  readonly #cloud: ModelCloud;
  readonly #witness: Witness;
  #sleepers: Sleeper[] = [];

  constructor(cloud: ModelCloud, witness: Witness) {
    this.#cloud = cloud;
    this.#witness = witness;
  }

  decideOn(record: FleetRecord, observation: Observation): Decision {
    const context: Context = { now: instant(this.#cloud.time), sha256, places };
    return decide(record, observation, context);
  }

  /** Two who look at the same time: both see the same, one saves. The other looks again. */
  race(): void {
    const cloud = this.#cloud;
    const other = cloud.load();
    const generation = cloud.stored?.generation ?? 0;
    const seen = cloud.observe(other, undefined);
    this.look();
    const decision = this.decideOn(other, seen);
    if (!worthSaving(other, decision)) return;
    const saved = cloud.save(decision.record, generation);
    if (saved === undefined) {
      this.overtaken++;
      return;
    }
    // The first of them found nothing to save, so this one is the first.
    this.#witness.looked(other, decision, seen);
    this.#act(decision.effects, saved, undefined);
  }

  /** Looks until there is nothing to do now. */
  look(fate?: Fate): void {
    const cloud = this.#cloud;
    let refusal: string | undefined;
    let full = 0;
    for (let look = 0; look < 12; look++) {
      const before = cloud.load();
      const generation = cloud.stored?.generation ?? 0;
      const observation = cloud.observe(before, refusal);
      if (!cloud.stored && observation.commands.length === 0) return;
      const decision = this.decideOn(before, observation);
      this.looks++;
      const keeps = worthSaving(before, decision);
      const saved = keeps ? cloud.save(decision.record, generation) : generation;
      if (saved === undefined) continue;
      this.#witness.looked(before, decision, observation);
      if (decision.effects.length === 0) return;
      const acted = this.#act(decision.effects, saved, fate);
      if (acted.ended) return;
      refusal = acted.refusal;
      if (acted.noRoom) full++;
      if (refusal !== undefined ? look > 0 && acted.done === 0 : full > 1) return;
    }
  }

  /** Whoever slept until now goes on. */
  wake(): void {
    const now = this.#cloud.time;
    const due = this.#sleepers.filter(({ wakes }) => wakes <= now);
    this.#sleepers = this.#sleepers.filter(({ wakes }) => wakes > now);
    for (const { effects, generation, inFlight } of due) {
      const [first, ...rest] = effects;
      if (inFlight && first) {
        if (this.#perform(first, generation) === undefined) this.#act(rest, generation, undefined);
      } else this.#act(effects, generation, undefined);
    }
  }

  #act(
    effects: Effect[],
    generation: number,
    fate: Fate | undefined,
  ): { done: number; ended?: true; refusal?: string; noRoom?: true } {
    const cloud = this.#cloud;
    let done = 0;
    let refusal: string | undefined;
    for (const [i, effect] of effects.entries()) {
      if (fate && i >= fate.after) {
        const left = effects.slice(i);
        // Only a patch carries a fingerprint; what has none is asked for at once or not at all.
        const inFlight = fate.what === "in flight" && effect.kind === "patch-group";
        if (fate.what !== "dies")
          this.#sleepers.push({ wakes: cloud.time + fate.ms, generation, effects: left, inFlight });
        return { done, ended: true };
      }
      if (CHANGES.has(effect.kind) && cloud.stored?.generation !== generation) {
        this.overtaken++;
        return { done };
      }
      const problem = this.#perform(effect, generation);
      if (!problem) done++;
      else if (effect.kind === "delete-command") refusal = problem.message;
      else if (problem.kind === "conflict") return { done };
      else if (problem.kind === "unavailable") return { done, ended: true };
      else if (problem.kind === "no-room") return { done, noRoom: true };
      else return { done, refusal: problem.message };
    }
    return { done, ...(refusal !== undefined && { refusal }) };
  }

  #perform(effect: Effect, generation: number): Refused | undefined {
    try {
      this.#cloud.perform(effect);
      this.#witness.acted(effect, generation);
      return undefined;
    } catch (problem) {
      if (problem instanceof Refused) {
        this.#witness.acted(effect, generation);
        return problem;
      }
      throw problem;
    }
  }
}

/** Only what is new, or what was due, is written. */
function worthSaving(before: FleetRecord, { record, effects }: Decision): boolean {
  const plain = (one: FleetRecord) =>
    JSON.stringify({ ...one, lastLook: null, nextLook: null, ...(one.active === null && { inputsRead: null }) });
  return (
    effects.length > 0 ||
    before.nextLook === null ||
    before.nextLook <= (record.lastLook ?? "") ||
    plain(before) !== plain(record)
  );
}
