import type { Instant } from "./instants.ts";
import type { Ending } from "./phases.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import type { ChangedInputs, ImageRef, Release } from "./release.ts";
import type { Rollout } from "./rolloutrecord.ts";
import type { Stable } from "./stable.ts";

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
  /** What the inputs ask for while a rollout that has changed something is under way: one slot, the newest wins. */
  pending: Candidate | null;
  /** A person's word for a release that must not begin without it. */
  approved: Approval | null;
  /** What fleets that follow this one may take: newest first. Published as its own object after each change. */
  published: PublishedImage[];
  /** When the inputs were read last; they are read less often while a rollout is under way. */
  inputsRead: Instant | null;
  quarantine: QuarantineEntry[];
  /** Secret versions that the stable release, the one before or a rollout needs and that are not enabled, when last read. */
  unusable: UnusableVersion[];
  hold: Hold | null;
  active: Rollout | null;
  /** The rollout that ended last. */
  last: EndedRollout | null;
  /** How many rollouts there were; the next one's number. */
  rollouts: number;
  /** Commands that were applied and whose objects may still be there. */
  applied: string[];
  /** Commands of the last day that could not be done, newest first: their author may not have waited for the answer. */
  refused: RefusedCommand[];
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

export interface Candidate {
  release: Release;
  since: Instant;
  /** When the first of the changes was seen that followed one another closely; absent: this is the first. */
  first?: Instant;
}

/** A secret version that a release names and that gives no value to a machine that boots now. */
export interface UnusableVersion {
  /** Full name, as the release has it. */
  name: string;
  /** GONE: the version or its secret is not there. UNREADABLE: the functions may not ask, so it may be well. */
  state: "DISABLED" | "DESTROYED" | "GONE" | "UNREADABLE";
  /** It is disabled until then and destroyed then. */
  destroyAt?: Instant;
}

export interface Approval {
  release: string;
  by: string;
  at: Instant;
  /** Windows do not hold it up, and it does not wait for a rollout under way to end. */
  urgent: boolean;
}

/** An image that was stable in this fleet. Another fleet may take it after its own soak time. */
export interface PublishedImage {
  image: ImageRef;
  since: Instant;
  /** When another release took its place. */
  until?: Instant;
  /** Rolled back, quarantined or revoked since: not to be followed. */
  withdrawn?: true;
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

export interface RefusedCommand {
  /** Name of the command's object. */
  command: string;
  kind: string;
  by: string;
  /** When it was refused. */
  at: Instant;
  text: string;
}

export interface Hold {
  reason: string;
  by: string;
  at: Instant;
  /** Lifted by itself then; absent: by a person only. */
  until?: Instant;
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
    pending: null,
    approved: null,
    published: [],
    inputsRead: null,
    quarantine: [],
    unusable: [],
    hold: null,
    active: null,
    last: null,
    rollouts: 0,
    applied: [],
    refused: [],
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
  /** Name of the object of the command it came of. */
  command?: string;
  word: string;
  text: string;
}
