import type { ManagerVersion, UpdatePolicy } from "../../wire/compute.d.ts";
import type { Instant } from "./instants.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import type { ChangedInputs, Release } from "./release.ts";

/**
 * Everything moult knows about a fleet, in one object of the state bucket, changed only with a generation match. What is
 * true of the cloud is not in here: it is looked at again each time.
 */
export interface FleetRecord {
  schema: 1;
  fleet: string;
  policy: Policy | null;
  stable: Stable | null;
  /** Older stables, newest first; where a person's rollback goes. */
  previous: Stable[];
  candidate: Candidate | null;
  quarantine: QuarantineEntry[];
  hold: Hold | null;
  active: Rollout | null;
  /** The rollout that ended last. */
  last: EndedRollout | null;
  /** How many rollouts there were; the next one's number. */
  rollouts: number;
  /** Commands that were applied and whose objects may still be there. */
  applied: string[];
  /** What happened and is not yet in the history folder; the next look writes it there before anything else. */
  unwritten: HistoryEntry[];
  /** How many entries the history has; numbers them. */
  entries: number;
  /** The answer to "why?" at the last look. */
  reasons: Reason[];
  lastLook: Instant | null;
  /** When to look again without being rung. */
  nextLook: Instant | null;
}

/** The release of the last rollout that succeeded, or what was running when the fleet was taken on. */
export interface Stable {
  release: Release;
  since: Instant;
  /** Taken on as found: its machines run from templates moult did not make and owe no reports. */
  adopted: boolean;
  /** Group key → the versions that put it there. */
  versions: Record<string, ManagerVersion[]>;
}

export interface Candidate {
  release: Release;
  since: Instant;
}

export interface QuarantineEntry {
  /** For `moult quarantine lift`. */
  key: string;
  inputs: ChangedInputs;
  /** The image's name, for people. */
  imageName: string;
  release: string;
  rollout: string;
  at: Instant;
  why: string;
}

export interface Hold {
  reason: string;
  by: string;
  at: Instant;
}

/** docs/rollout.md has the picture; a test compares. */
export const PHASES = [
  "prepared",
  "applying",
  "converging",
  "baking",
  "final-bake",
  "finishing",
  "paused",
  "rolling-back",
  "rollback-stuck",
  "restoring",
] as const;

export type Phase = (typeof PHASES)[number];

export const ENDINGS = ["succeeded", "rolled-back", "superseded", "cancelled"] as const;

export type Ending = (typeof ENDINGS)[number];

/** One attempt to bring a fleet from one release to another; has an id; ends once. */
export interface Rollout {
  id: string;
  /** The fleet file it began with: steps that change under a rollout would mean something else half-way. */
  policy: Policy;
  /** A person's rollback goes straight to all; so does nothing else. */
  kind: "forward" | "rollback";
  from: Stable;
  to: Release;
  /** Its machines must report; those of a release taken on as found cannot. */
  reports: boolean;
  cause: Reason;
  startedAt: Instant;
  /** 0 is the first wave in order, not its number in the fleet file. */
  wave: number;
  step: number;
  phase: Phase;
  /** When the phase began; repeating a look does not move it. */
  since: Instant;
  /** When the current step was first applied: evidence is counted from here. */
  stepSince: Instant;
  /** No progress until then stops the rollout; counted from the last progress. Absent while paused. */
  deadline: Instant | null;
  /** Machines that were where they should be at the best look of this step, or of putting back: more of them is progress. */
  best: number;
  groups: Record<string, RolloutGroup>;
  /** New machines seen: group key and name → id. Another id under the same name was recreated. */
  seen: Record<string, string>;
  /** Machines that failed, by name: why. They stay failed, whatever becomes of them. */
  failed: Record<string, string>;
  /** What Google said to the last change it refused, until one is taken. */
  refusal?: string;
  /** Why it is paused or being put back, from the first look that decided so. */
  verdict: Reason | null;
  pausedFrom: Phase | null;
  passed: PassedStep[];
}

export interface PassedStep {
  wave: number;
  step: string;
  at: Instant;
  machines: number;
}

/** What the rollout found in a group before its first change, and what it has asked for since. */
export interface RolloutGroup {
  from: { versions: ManagerVersion[]; updatePolicy: UpdatePolicy; targetSize: number };
  /** Versions that put the whole group on the release, and the name of the template they use. */
  to: ManagerVersion[];
  template: string;
  /** Absent until the group is changed for the first time. */
  intent?: Intent;
}

/** Written before the change it stands for is made, so that whoever comes next finishes it with the same request id. */
export interface Intent {
  /** What it is for, e.g. `wave 1 canary 1`. */
  key: string;
  requestId: string;
  attempt: number;
  versions: ManagerVersion[];
  updatePolicy: UpdatePolicy;
  /** What the group's own fields were when this was decided: anything else that is not wanted came from outside. */
  before: string;
  at: Instant;
  /** A look has seen it done: what the group was before can only come back by somebody else's hand. */
  done?: true;
}

export interface EndedRollout {
  id: string;
  ending: Ending;
  from: string;
  to: string;
  imageName: string;
  startedAt: Instant;
  endedAt: Instant;
  why: Reason;
}

export function emptyRecord(fleet: string): FleetRecord {
  return {
    schema: 1,
    fleet,
    policy: null,
    stable: null,
    previous: [],
    candidate: null,
    quarantine: [],
    hold: null,
    active: null,
    last: null,
    rollouts: 0,
    applied: [],
    unwritten: [],
    entries: 0,
    reasons: [],
    lastLook: null,
    nextLook: null,
  };
}

/** One line of what happened, kept for ever. */
export interface HistoryEntry {
  number: number;
  at: Instant;
  what: string;
  rollout?: string;
  word: string;
  text: string;
}
