import type { Health, MemberView } from "../../../../emulator/compute/updater/values.ts";

/** How the machines of a release behave. What is not `good` must never get beyond the first step. */
export const NATURES = [
  "good",
  /** Reports that it failed. */
  "failed",
  /** Never reports. */
  "silent",
  /** Never healthy. */
  "unhealthy",
  /** Healthy, and a moment later not any more; healed, it does the same again. */
  "dying",
  /** Refused when it is made, by a permission that shows only then. */
  "forbidden",
] as const;
export type Nature = (typeof NATURES)[number];

export interface Refusal {
  code: string;
  message: string;
}

/** A member of a group as the updater sees it, with its machine and what is to happen to it. */
export interface Machine extends MemberView {
  id?: string;
  errors: Refusal[];
  attempts: number;
  /** When the next of these happens, ms since the epoch. */
  attemptAt?: number;
  runsAt?: number;
  goneAt?: number;
  reportsAt?: number;
  healthAt?: number;
  nextHealth?: Health;
}

export function dueAt(machine: Machine): number {
  return Math.min(
    machine.attemptAt ?? Number.POSITIVE_INFINITY,
    machine.runsAt ?? Number.POSITIVE_INFINITY,
    machine.goneAt ?? Number.POSITIVE_INFINITY,
    machine.reportsAt ?? Number.POSITIVE_INFINITY,
    machine.healthAt ?? Number.POSITIVE_INFINITY,
  );
}

/** Forgets the machine, not the member: its name is made again. */
export function forget(machine: Machine): void {
  machine.health = "UNKNOWN";
  machine.everHealthy = false;
  for (const field of [
    "id",
    "status",
    "runningSince",
    "runsAt",
    "goneAt",
    "reportsAt",
    "healthAt",
    "nextHealth",
  ] as const)
    delete machine[field];
}
