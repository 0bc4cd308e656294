import { formatDuration } from "./instants.ts";

/** One group of a fleet. */
export interface GroupRef {
  /** A zone (`us-central1-a`) or, for a regional group, a region (`us-central1`). */
  location: string;
  regional: boolean;
  name: string;
  /** Name of the group's base template (DESIGN §5). */
  base: string;
  /** Waves follow one another, lowest number first. */
  wave: number;
}

export type Step = ({ canary: number } | { share: number }) & {
  bakeMs: number;
  /** A person must approve before the step after this one. */
  approval?: true;
};

export interface SecretRef {
  secret: string;
  project: string;
  /** Where a regional secret lies; absent: a global one. */
  location?: string;
  /** A number; or, when the release is made, the newest enabled one, or the one an alias of the secret points to. */
  version: number | "newest" | { alias: string };
}

/** The newest image of a family, or the image that has been stable in another fleet for a while. */
export type Follows =
  | { family: string; project: string }
  /** `bucket` is the state bucket of the other fleet's installation; null: our own. */
  | { fleet: string; bucket: string | null; soakMs: number };

/** A question asked at the end of a step's bake. `key` names it in the record and in what people read. */
export type Gate = { key: string } & (
  | { kind: "reports" }
  | { kind: "health" }
  /** Every new machine is HEALTHY in the backend service. Region null: a global one. */
  | ({ kind: "backend"; backend: string; region: string | null } & GateRules)
  /** A PromQL query whose single value must be below, or above, a number. */
  | ({ kind: "metric"; query: string; below?: number; above?: number } & GateRules)
  /** No alert of the policy is open. By the policy's name `projects/P/alertPolicies/N`. */
  | ({ kind: "alerts"; policy: string } & GateRules)
  /** Asked by POST; both sides sign with the key (HMAC-SHA256). */
  | ({ kind: "webhook"; url: string; secret: SecretRef } & GateRules)
  /** A person. */
  | { kind: "approval" }
);

export interface GateRules {
  /** What an answer that says neither pass nor fail does. */
  inconclusive: "pause" | "rollback" | "proceed";
  /** An answer of `wait` is waited for at most this long; then it is inconclusive. */
  withinMs: number;
}

/** When rollouts may begin a step. Parks them outside; never stops a rollback. */
export interface Window {
  /** ISO days of the week on which the window opens, 1 is Monday. */
  days: number[];
  /** Minutes after midnight, by the zone's clock; `to` at or before `from` is of the next day. */
  from: number;
  to: number;
  /** IANA name. */
  zone: string;
}

/** A fleet file, validated: the only form that is passed on. */
export interface Policy {
  fleet: string;
  project: string;
  groups: GroupRef[];
  follows: Follows;
  config: { ref: string } | null;
  secrets: Record<string, SecretRef>;
  /** A candidate with other secrets begins when it has not changed for so long: several changes make one rollout. */
  settleMs: number;
  mode: "auto" | "approve" | "observe";
  steps: Step[];
  finalBakeMs: number;
  gates: Gate[];
  limits: {
    /** Failed machines at which a rollout is put back; a share is of the new machines wanted, rounded up. */
    failedMachines: number | { share: number };
    progressMs: number;
    /** A pause that moult made itself is put back after this; null: waits for a person. A person's pause always waits. */
    pausedMs: number | null;
  };
  replace: {
    above: number;
    missing: number;
    /** Where there is no room for machines above: none above, and this many missing instead. Null: wait. */
    scarce: number | null;
  };
  /** Empty: at any time. */
  windows: Window[];
  /** Shared by the fleets that name it; caps new machines at once over all of them, and per hour. */
  budget: { name: string; machines: number | null; perHour: number | null } | null;
  /** Risks a person has taken on in writing. */
  accept: {
    /** A group of one machine is rolled by itself: its canary is all there is. */
    singleMachine: boolean;
  };
}

/** Where instances come from, as shown to people and as the project an image is named in. */
export function followsText(follows: Follows): string {
  return "family" in follows ? `family ${follows.family} of ${follows.project}` : `fleet ${follows.fleet}`;
}

/** What a fleet file means where it says nothing. */
export const DEFAULTS: {
  steps: Step[];
  gates: Gate[];
  finalBakeMs: number;
  progressMs: number;
  settleMs: number;
  gateRules: GateRules;
} = {
  steps: [
    { canary: 1, bakeMs: 300_000 },
    { share: 1, bakeMs: 0 },
  ],
  gates: [
    { key: "reports", kind: "reports" },
    { key: "health", kind: "health" },
  ],
  finalBakeMs: 600_000,
  progressMs: 1_200_000,
  settleMs: 60_000,
  gateRules: { inconclusive: "pause", withinMs: 600_000 },
};

/** `canary 1`, `25%`: how a step is called in everything people read. */
export function stepName(step: Step): string {
  return "canary" in step ? `canary ${step.canary}` : `${Math.round(step.share * 100)}%`;
}

/** The step as a sentence part, with its bake. */
export function describeStep(step: Step): string {
  return step.bakeMs > 0 ? `${stepName(step)}, bake ${formatDuration(step.bakeMs)}` : stepName(step);
}

export function groupKey(group: { location: string; name: string }): string {
  return `${group.location}/${group.name}`;
}

export function asksFor(policy: Policy, kind: Gate["kind"]): boolean {
  return policy.gates.some((gate) => gate.kind === kind);
}
