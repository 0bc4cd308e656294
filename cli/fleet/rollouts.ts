import { ENDINGS, type Ending } from "../../functions/core/phases.ts";
import type { FleetRecord, HistoryEntry } from "../../functions/core/record.ts";

/** One rollout, put together from what history says of it. */
export interface PastRollout {
  id: string;
  /** Null: it is older than the entries that were read. */
  startedAt: string | null;
  endedAt: string | null;
  /** Null while it is under way. */
  ending: Ending | null;
  /** From its beginning to its end, or to now. */
  ms: number | null;
  /** Why it began, and why it ended, as it was said then. */
  began: string | null;
  why: string | null;
  /** Steps that passed, in order. */
  steps: { at: string; text: string }[];
  /** Answers that gates gave, in order. */
  gates: { at: string; text: string }[];
  /** How often it was paused, by whomever. */
  pauses: number;
}

/** The last one is the newest. @param now in milliseconds since 1970, for the one under way. */
export function rolloutsOf(entries: readonly HistoryEntry[], { active }: FleetRecord, now: number): PastRollout[] {
  const found = new Map<string, PastRollout>();
  for (const { at, what, rollout: id, word, text } of entries) {
    if (id === undefined) continue;
    const rollout = found.get(id) ?? empty(id);
    found.set(id, rollout);
    const ending = ENDINGS.find((name) => name === what);
    if (what === "started") {
      rollout.startedAt = at;
      rollout.began = text;
    } else if (what === "gate-passed") rollout.steps.push({ at, text });
    else if (what === "gate") rollout.gates.push({ at, text });
    else if (what === "paused") rollout.pauses += 1;
    // The rule that was broken says more than that it was put back in the end.
    else if (what === "rolling-back") rollout.why = `${word}: ${text}`;
    if (ending) {
      rollout.ending = ending;
      rollout.endedAt = at;
      rollout.why ??= text;
    }
  }
  for (const rollout of found.values()) {
    if (rollout.id === active?.id) rollout.why = active.verdict?.text ?? `${active.phase} since ${active.since}`;
    const end = rollout.endedAt === null ? now : Date.parse(rollout.endedAt);
    if (rollout.startedAt !== null && (rollout.endedAt !== null || rollout.id === active?.id))
      rollout.ms = end - Date.parse(rollout.startedAt);
  }
  return [...found.values()];
}

function empty(id: string): PastRollout {
  const nothing = { startedAt: null, endedAt: null, ending: null, ms: null, began: null, why: null };
  return { id, ...nothing, steps: [], gates: [], pauses: 0 };
}
