import type { Image, InstanceProperties, ManagerVersion, UpdatePolicy } from "../../wire/compute.d.ts";
import type { BootReport } from "../../wire/moult.d.ts";
import type { Instant } from "./instants.ts";
import type { Policy } from "./policy.ts";
import type { PublishedImage, UnusableVersion } from "./record.ts";
import type { AutoscalerMode } from "./rolloutrecord.ts";

/** What one look saw. Each part is what was read or the sentence why it could not be read. */
export interface Observation {
  at: Instant;
  commands: Command[];
  /** Read only when a release may have to be made. */
  inputs?: Inputs;
  /** Group key → what was read; a group that is gone or may not be read is a problem. */
  groups: Record<string, GroupView | Problem>;
  /** Of the active rollout's release; only reports whose signature holds. */
  reports: ReportView[];
  /** Why the reports could not be read: then nothing may be concluded from there being none. */
  reportsUnread?: string;
  /**
   * Why the groups and the inputs could not be read at all: then only commands are looked at, because a person's word counts
   * whether or not it can be followed at once.
   */
  unread?: string;
  /** Why the inputs could not be read where the groups could: then nothing new begins, and what is asked for otherwise does. */
  inputsUnread?: string;
  /** What Google said to the last change moult asked for, when it refused it. */
  refusal?: string;
  /** Gate key → what it says now; only gates of a step that is at its gates and that have not finished are asked. */
  gates: Record<string, GateAnswer>;
  /**
   * Machines that were taken away and not for what they did (preemption, host error, maintenance):
   * instance id → what Compute's own operation says. Looked for only when such a machine is gone.
   */
  interrupted?: Record<string, string>;
  /** Only when the fleet file names a budget and a rollout may ask for machines. */
  budget?: BudgetView | Problem;
  /** Only before a rollout begins. */
  quotas?: QuotaView[];
  /** Templates of the active rollout: name → is it there, holding what it should? */
  templates: Record<string, "absent" | "same" | "different">;
}

export interface GateAnswer {
  answer: "pass" | "fail" | "wait" | "inconclusive";
  /** One sentence: what was asked and what was found. Holds no secret. */
  text: string;
}

/** One shared budget as its object stands. */
export interface BudgetView {
  leases: { fleet: string; rollout: string; machines: number; until: Instant }[];
  /** New machines begun in the last hour, by whom. */
  begun: { fleet: string; machines: number; at: Instant }[];
}

export interface QuotaView {
  /** Google's name of it, e.g. CPUS or INSTANCE_TEMPLATES. */
  metric: string;
  /** Region, or null for the project. */
  region: string | null;
  limit: number;
  usage: number;
}

export interface Problem {
  problem: "missing" | "denied" | "unavailable";
  text: string;
}

export function isProblem(value: object): value is Problem {
  return "problem" in value;
}

export interface Inputs {
  image: Image | Problem;
  /** Newer images of the family that are not READY: they are not its head, and somebody may be waiting for them. */
  unready: Image[];
  configCommit: string | null | Problem;
  /** Manifest's name → full version name. */
  secrets: Record<string, string | Problem>;
  /** Of the versions that releases on record name, those that are not enabled; absent: they were not looked at. */
  unusable?: UnusableVersion[];
  /** Where the fleet follows another: what that one has published. `image` is the one of them that may be taken now. */
  followed?: { images: PublishedImage[] } | Problem;
  /** Group key → properties of its base template. */
  bases: Record<string, InstanceProperties | Problem>;
  /**
   * Image of what each group runs now, by the `sourceImageId` of its machines' boot disks, compared with the group's own
   * template; read once, to take a fleet on.
   */
  running?: Record<string, Image | Problem>;
}

export interface GroupView {
  fingerprint: string;
  targetSize: number;
  versions: ManagerVersion[];
  updatePolicy: UpdatePolicy;
  stateful: boolean;
  /** Zones the group is spread over; 1 for a zonal group. */
  zones: number;
  autoscaler?: { name: string; mode: AutoscalerMode };
  /** The group has a health check, so that a machine's health is known. */
  checked: boolean;
  /** Read only while a rollout is active. */
  machines: MachineView[];
  errors: ErrorView[];
}

export interface MachineView {
  name: string;
  /** Absent until the machine exists. */
  id?: string;
  status?: string;
  action: string;
  /** Last segment of the intended template's URL. */
  template: string;
  health?: string;
  /** Errors of the last attempt to make it. */
  errors: { code: string; message: string }[];
}

export interface ErrorView {
  code: string;
  message: string;
  template: string;
  machine: string;
  at: Instant;
}

export interface ReportView {
  instanceId: string;
  instanceName: string;
  verdict: BootReport["verdict"];
  reason: string;
  message: string;
}

/** A person's word, as its object says. Names of command objects sort by time. */
export type Command = { name: string; by: string; at: Instant } & (
  | { kind: "apply"; policy: Policy }
  | { kind: "rollback" }
  | { kind: "stop"; reason: string }
  | { kind: "start" }
  | { kind: "lift"; key: string }
  /** Only the rollout under way; the fleet is not held. */
  | { kind: "pause"; reason: string }
  | { kind: "resume" }
  /** Put back, and this combination of inputs is not tried again; the fleet goes on following. */
  | { kind: "abort"; reason: string }
  /** The waiting candidate, or the gate the rollout waits at. `release`: only if it is still that one (12 hex or all). */
  | { kind: "approve"; release?: string }
  /** Begin the candidate now, whatever the mode. */
  | { kind: "begin"; urgent: boolean; release?: string }
  | { kind: "hold"; reason: string; until?: Instant }
  | { kind: "unhold" }
  /** Give the groups back and forget the fleet file. */
  | { kind: "release" }
  /** An object that is no command; refused with its reason, so that it does not stay. */
  | { kind: "invalid"; text: string }
);
