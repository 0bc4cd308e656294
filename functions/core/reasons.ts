import type { Instant } from "./instants.ts";

/**
 * Every answer to "why?" the control plane can give: the stable word for programs. The sentence beside it in a `Reason`
 * is for people and may change. docs/why.md lists them; a test keeps the list complete.
 */
export const REASON_WORDS = [
  "no-policy",
  "up-to-date",
  "observing",
  "held",
  "quarantined",
  "no-image",
  "image-not-ready",
  "image-unusable",
  "config-missing",
  "secret-missing",
  "secret-unavailable",
  "no-way-back",
  "base-missing",
  "base-names-family",
  "base-disk-too-small",
  "group-missing",
  "group-empty",
  "group-stateful",
  "single-machine",
  "quota",
  "soaking",
  "settling",
  "awaiting-approval",
  "window",
  "budget",
  "pending",
  "preempted",
  "forward-fix",
  "policy-impossible",
  "access-denied",
  "out-of-reach",
  "adopted",
  "started",
  "superseded",
  "preparing",
  "applying",
  "creating",
  "capacity",
  "booting",
  "unhealthy",
  "baking",
  "gating",
  "gate-passed",
  "gate-failed",
  "gate-inconclusive",
  "flapping",
  "scarce",
  "report-failed",
  "machine-recreated",
  "permission-late",
  "no-progress",
  "reports-missing",
  "external-change",
  "paused",
  "paused-too-long",
  "aborted",
  "rolling-back",
  "rolled-back",
  "rollback-stuck",
  "person",
  "succeeded",
  "finishing",
  "command-refused",
] as const;

export type ReasonWord = (typeof REASON_WORDS)[number];

export interface Reason {
  word: ReasonWord;
  /** One sentence: the rule, the evidence, and what to do where something can be done. */
  text: string;
  /** When this can change by itself, where that is known. */
  until?: Instant;
  /** What was looked at, e.g. names of machines. */
  evidence?: string[];
}

export function reason(word: ReasonWord, text: string, more: Omit<Reason, "word" | "text"> = {}): Reason {
  return { word, text, ...more };
}

/** `1 machine`, `6 machines`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
