import type { ManagerVersion, UpdatePolicy } from "../../wire/compute.d.ts";
import type { Instant } from "./instants.ts";
import type { Phase } from "./phases.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import type { Release } from "./release.ts";
import type { Stable } from "./stable.ts";

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
  /** The best look of this step: 1 for each new machine that was begun, 2 once it is ready. Of putting back: machines back. More is progress. */
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
