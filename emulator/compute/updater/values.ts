import type { CurrentAction } from "../../../wire/compute.d.ts";

/** What an update does to one machine, from least to most disruptive. */
export const ACTIONS = ["NONE", "REFRESH", "RESTART", "REPLACE"] as const;
export type UpdateAction = (typeof ACTIONS)[number];

export function mostDisruptive(a: UpdateAction, b: UpdateAction): UpdateAction {
  return ACTIONS.indexOf(a) > ACTIONS.indexOf(b) ? a : b;
}

/** A version and how many machines it shall have. */
export interface VersionGoal {
  template: string;
  name: string;
  size: number;
  /** Whether the caller gave it a target size; the one without takes the rest. */
  explicit: boolean;
}

/** What a group shall be. All counts are worked out. */
export interface GroupGoal {
  targetSize: number;
  versions: VersionGoal[];
  proactive: boolean;
  minimalAction: UpdateAction;
  mostDisruptiveAllowedAction: UpdateAction;
  surge: number;
  unavailable: number;
  /** RECREATE: replacements keep their names. */
  inPlace: boolean;
  /** There is an autohealing check. */
  checked: boolean;
  initialDelayMs: number;
  /** Failed machines are repaired. */
  repairs: boolean;
  /** A repair brings the target version instead of the old one. */
  updateOnRepair: boolean;
  /** Whom a scale-in takes among equals. */
  scaleIn: "newest" | "oldest" | "any";
  /** A paused update keeps its machines beyond the target size. */
  keepsSurge?: boolean;
  /** Where its machines are: it shrinks where it is fullest. */
  zones: string[];
  /** A group that became uneven evens itself out. */
  redistributes: boolean;
}

export type Health = "UNKNOWN" | "HEALTHY" | "UNHEALTHY" | "TIMEOUT";

/** One machine of a group, or the name of one to be. */
export interface MemberView {
  name: string;
  zone: string;
  createdAt: number;
  action: CurrentAction;
  /** The intended version. */
  template: string;
  version: string;
  /** A machine exists, with this status. */
  status?: string;
  health: Health;
  everHealthy: boolean;
  runningSince?: number;
  /** What bringing the group's present configuration to its machine takes; absent when it has it. */
  outdated?: UpdateAction;
}

export interface Target {
  template: string;
  name: string;
}

export type Action =
  | { do: "create"; target: Target }
  | { do: "delete"; member: string; why: "update" | "size" | "redistribution" }
  | { do: "recreate"; member: string; target: Target; why: "update" | "unhealthy" | "lost" }
  | { do: "restart" | "refresh" | "relabel"; member: string; target: Target };

/** What changing a machine from one template to another takes at least. */
export type Needed = (from: string, to: string) => UpdateAction;

export const leaving = (member: Pick<MemberView, "action">) =>
  member.action === "DELETING" || member.action === "ABANDONING";
export const settled = (member: Pick<MemberView, "action">) =>
  member.action === "NONE" || member.action === "VERIFYING";

/** Running, and healthy at least once where there is a check: what the updater counts as serving. */
export function isAvailable(goal: Pick<GroupGoal, "checked">, member: MemberView): boolean {
  return settled(member) && member.status === "RUNNING" && (!goal.checked || member.everHealthy);
}
