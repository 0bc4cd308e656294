import type { Context } from "./context.ts";
import type { Effect } from "./effects.ts";
import { type Instant, later } from "./instants.ts";
import type { Command, Observation } from "./observation.ts";
import type { Ending, Phase } from "./phases.ts";
import { type Reason, type ReasonWord, reason } from "./reasons.ts";
import type { FleetRecord } from "./record.ts";
import type { Rollout } from "./rolloutrecord.ts";

/** One decision being made: a draft of the record, and what is to be done and said. */
export interface Turn {
  record: FleetRecord;
  observation: Observation;
  context: Context;
  effects: Effect[];
  reasons: Reason[];
  /** The command that is being applied. */
  command?: Command;
  /** New machines that were made again since the look before; ready again or not, what they proved is lost. */
  remade?: string[];
  /** Those of them that had been ready and that nothing of Compute's own took away. */
  healed?: string[];
  /** Where the rollout went in this look, in order. */
  moves: [Phase, Phase | Ending][];
  /** The last progress of a step whose machines lack nothing but health, of which no event tells. */
  nearly?: Instant;
}

export function say(turn: Turn, word: ReasonWord, text: string, more: Omit<Reason, "word" | "text"> = {}): Reason {
  const said = reason(word, text, more);
  turn.reasons.push(said);
  return said;
}

export function remember(turn: Turn, what: string, why: Reason, rollout?: string): void {
  const { record, context, command } = turn;
  record.entries += 1;
  record.unwritten.push({
    number: record.entries,
    at: context.now,
    what,
    ...(rollout && { rollout }),
    ...(command && { command: command.name }),
    word: why.word,
    text: why.text,
  });
}

/** Moves the rollout on. The first instant of a phase is kept however often a look repeats it. */
export function enter(turn: Turn, rollout: Rollout, phase: Phase, progressMs: number): void {
  if (rollout.phase === phase) return;
  turn.moves.push([rollout.phase, phase]);
  rollout.phase = phase;
  rollout.since = turn.context.now;
  rollout.deadline = phase === "paused" || phase === "parked" ? null : later(turn.context.now, progressMs);
}
