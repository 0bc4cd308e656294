import type { ManagerVersion, UpdatePolicy } from "../../wire/compute.d.ts";
import type { Instant } from "./instants.ts";
import type { Ending, Phase } from "./phases.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import type { ChangedInputs, ImageRef, Release } from "./release.ts";

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

/** The release of the last rollout that succeeded, or what was running when the fleet was taken on. */
export interface Stable {
  release: Release;
  since: Instant;
  /** Taken on as found: its machines run from templates moult did not make, have no configuration from it and owe no reports. */
  adopted: boolean;
  /** Only of one that is taken on: its image with what the inputs asked for then. It begins when a person says so. */
  asked?: Release;
  /** Group key → the versions that put it there. */
  versions: Record<string, ManagerVersion[]>;
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

/** One attempt to bring a fleet from one release to another; has an id; ends once. */
export interface Rollout {
  id: string;
  /** The fleet file it began with: steps that change under a rollout would mean something else half-way. */
  policy: Policy;
  /** A person's rollback goes straight to all; so does nothing else. */
  kind: "forward" | "rollback";
  /** Windows do not hold it up, and it did not wait for the rollout before it. */
  urgent: boolean;
  /** The stable release was itself not well when it began: how many of its machines were not, of how many. */
  forwardFix: { unhealthy: number; of: number } | null;
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
  /** Ids of new machines that were ready once; kept only where no report says so. */
  ready?: string[];
  /** Machines that failed, by name: why. They stay failed, whatever becomes of them. */
  failed: Record<string, string>;
  /** What Google said to the last change it refused, until one is taken. */
  refusal?: string;
  /** Why it is paused or being put back, from the first look that decided so. */
  verdict: Reason | null;
  pausedFrom: Phase | null;
  /** A pause that moult made ends in putting back then; a person's pause has none. */
  pausedUntil: Instant | null;
  /** What the gates of the current step have answered; a finished gate is not asked again in the same step. */
  gates: Record<string, GateVerdict>;
  /** How often machines of this step stopped being healthy while they baked. */
  bakesLost: number;
  /** The last bake was lost to machines that are being made again: what took them shows when they are back. */
  unexplained?: true;
  /** New machines that the shared budget has allowed so far, over all groups; null where no budget is named. */
  granted: number | null;
  /** Leases of it that end before this instant were given back. */
  returned?: Instant;
  passed: PassedStep[];
}

export interface PassedStep {
  wave: number;
  step: string;
  at: Instant;
  machines: number;
  /** Absent where the step had none but reports and health. */
  gates?: Record<string, GateVerdict>;
}

export interface GateVerdict {
  answer: "pass" | "fail" | "wait" | "inconclusive";
  text: string;
  /** When it was asked first; what waits is counted from here. */
  since: Instant;
  at: Instant;
}

export type AutoscalerMode = "ON" | "OFF" | "ONLY_SCALE_OUT" | "ONLY_UP";

/** What the rollout found in a group before its first change, and what it has asked for since. */
export interface RolloutGroup {
  from: { versions: ManagerVersion[]; updatePolicy: UpdatePolicy; targetSize: number };
  /** Versions that put the whole group on the release, and the name of the template they use. */
  to: ManagerVersion[];
  template: string;
  /** Absent until the group is changed for the first time. */
  intent?: Intent;
  /** The group's autoscaler and the mode that was found; it is put back whenever the group is not being rolled. */
  autoscaler?: {
    name: string;
    mode: AutoscalerMode;
    /** It was asked to scale out only, and has not been given its own mode back since. */
    asked?: true;
    /** A look has seen it scale out only: another mode after that came from outside, and stays. */
    held?: true;
    /** One came from outside: whatever the mode is from then on is somebody else's, scaling out only too. */
    theirs?: true;
  };
  /** There was no room for machines above: `replace.scarce` holds instead. */
  scarce?: true;
  /** A person let the rollout go on or back when the group could not be read: what is found there next is accepted. */
  accepted?: true;
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
  /** Changes that were given up before a look had seen them done: until then each may still arrive at the group. */
  late?: { owned: string; until: Instant }[];
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
