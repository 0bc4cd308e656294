import { type Instant, later } from "../../core/instants.ts";
import type { Reason } from "../../core/reasons.ts";
import type { FleetRecord } from "../../core/record.ts";

/** From what must be seen first to what can wait. `person`: nothing goes on before somebody does something. */
export const LEVELS = ["bad", "person", "moving", "waits", "good"] as const;

export type Level = (typeof LEVELS)[number];

export interface FleetState {
  /** A phase of a rollout, a word of docs/why.md, or one of `unreadable` and `not-looked-at`. */
  word: string;
  level: Level;
  /** One sentence. */
  text: string;
  until?: Instant;
}

const OF_WORD: Record<string, Level> = {
  ...of("good", "up-to-date", "adopted", "succeeded", "no-way-back"),
  ...of("waits", "parked", "window", "budget", "soaking", "settling", "pending", "image-not-ready"),
  ...of("waits", "no-image", "group-empty", "out-of-reach"),
  ...of("moving", "prepared", "applying", "converging", "baking", "gating", "final-bake", "finishing", "started"),
  ...of("moving", "preparing", "superseded", "observing", "forward-fix", "preempted"),
  ...of("bad", "rolling-back", "restoring", "rolled-back", "rollback-stuck", "group-missing", "access-denied"),
  ...of("bad", "secret-unavailable"),
};

function of(level: Level, ...words: string[]): Record<string, Level> {
  return Object.fromEntries(words.map((word) => [word, level]));
}

export function levelOf(word: string): Level {
  return OF_WORD[word] ?? "person";
}

/** The tick rings every minute, and Google's being busy puts a look off by five at the most. */
const LATE_MS = 300_000;

/** The one thing to say of a fleet where there is room for one. `looked`: somebody knows why no look is made. */
export function stateOf(record: FleetRecord, now: Instant, looked = false): FleetState {
  const late = record.policy !== null && record.nextLook !== null && later(record.nextLook, LATE_MS) < now;
  if (late && !looked) {
    const text = `no look at the fleet was recorded since ${record.lastLook ?? "it was made"}, although one was due at ${record.nextLook}: the functions are down or are refused. Look at their log; "moult stop ${record.fleet} --direct" freezes the groups without them`;
    return { word: "not-looked-at", level: "bad", text };
  }
  const said = chosen(record);
  const word = wordOf(record, said);
  const text = said?.text ?? (record.active ? `${record.active.id} is ${word}` : "nobody has looked at the fleet yet");
  return { word, level: levelOf(word), text, ...(said?.until && { until: said.until }) };
}

function wordOf({ active, hold }: FleetRecord, said: Reason | undefined): string {
  if (active) return said?.word === "awaiting-approval" ? said.word : active.phase;
  if (said && said.word !== "up-to-date") return said.word;
  return hold ? "held" : (said?.word ?? "no-policy");
}

/** In a rollout what is said first of it, unless a person is asked; at rest what is worst. */
function chosen({ active, reasons }: FleetRecord): Reason | undefined {
  if (active)
    return (
      reasons.find(({ word }) => word === "awaiting-approval") ??
      reasons.find(({ word }) => word !== "pending" && word !== "image-not-ready" && word !== "soaking") ??
      reasons[0]
    );
  return [...reasons].sort((a, b) => LEVELS.indexOf(levelOf(a.word)) - LEVELS.indexOf(levelOf(b.word)))[0];
}
