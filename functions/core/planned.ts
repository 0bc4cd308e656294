import type { Change } from "./changes.ts";
import type { Instant } from "./instants.ts";
import type { QuotaNeed } from "./quota.ts";
import type { Reason } from "./reasons.ts";
import type { ImageRef } from "./release.ts";

/** What a rollout will do, before it does anything: plain JSON, for `moult rollout plan` and for programs. */
export interface Plan {
  fleet: string;
  at: Instant;
  from: PlannedRelease | null;
  /** Null: what the inputs ask for could not be worked out; `stops` says why. */
  to: PlannedRelease | null;
  changes: PlannedChange[];
  /** It begins at the next look, by itself. */
  begins: boolean;
  /** Everything that keeps it from beginning now, each with its rule; not only the first. */
  stops: Reason[];
  /** What does not stop it and should be known before. */
  notes: string[];
  /** In the order in which they are rolled. */
  waves: PlannedWave[];
  /** Machines above, and missing from, what the whole fleet has now: at most so many at any time. */
  most: { above: number; missing: number };
  /** Instance templates it will make, unless they are there. */
  templates: string[];
  quotas: (QuotaNeed & { enough: boolean })[];
  windows: PlannedWindows;
  budget: PlannedBudget | null;
  least: { ms: number; text: string };
  undo: { possible: boolean; to: PlannedRelease | null; text: string };
}

export interface PlannedRelease {
  /** Null: it would be taken on as found, and is named then. */
  release: string | null;
  image: ImageRef;
  configCommit: string | null;
}

export type PlannedChange = Change & {
  /** First line of the message of the configuration commit that comes, where it could be read. */
  message?: string;
};

export interface PlannedWave {
  /** Its number in the fleet file. */
  wave: number;
  groups: PlannedGroup[];
  steps: PlannedStep[];
  finalBakeMs: number;
  /** Asked again after the final bake; a person is not. */
  finalGates: PlannedGate[];
}

export interface PlannedGroup {
  key: string;
  size: number;
  zones: number;
  /** Machines keep their names, so none can be made above. */
  inPlace: boolean;
  /** Its autoscaler only adds machines while steps run; then it has its own mode back. */
  autoscaler: string | null;
  template: string | null;
  /** At most at any time in this group. */
  above: number;
  missing: number;
}

export interface PlannedStep {
  name: string;
  bakeMs: number;
  /** `machines` are new in the group when the step is done, `more` of them by this step. */
  groups: { key: string; machines: number; more: number; size: number }[];
  /** New machines of the fleet when it is done, all waves so far. */
  machines: number;
  failures: { putBackAt: number; mayFail: number; text: string };
  gates: PlannedGate[];
}

export interface PlannedGate {
  key: string;
  asks: string;
  /** Absent where moult looks all the time, or a person answers. */
  inconclusive?: "pause" | "rollback" | "proceed";
  withinMs?: number;
}

export interface PlannedWindows {
  /** Of the fleet file, as text; none: at any time. */
  windows: string[];
  open: boolean;
  closes: Instant | null;
  /** The next ones, from now on; the present one is not among them. */
  next: { opens: Instant; closes: Instant | null }[];
}

export interface PlannedBudget {
  name: string;
  machines: number | null;
  perHour: number | null;
  /** New machines that others hold now, and that anybody began in the last hour; null: not read. */
  held: number | null;
  begun: number | null;
  /** Batches of the largest step, at the least. */
  batches: number;
}
