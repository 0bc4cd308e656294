import { ApiError } from "../../frame/errors.ts";
import { utc } from "../../frame/time.ts";
import type { HostView } from "../../machines/machines.ts";
import { isObject, type Json } from "../schema/check.ts";
import type { StoredInstance } from "./model.ts";

/** A maintenance that was announced before it begins; ms since the epoch. */
export interface Upcoming {
  from: number;
  until: number;
  ongoing: boolean;
}

/** What the host is about to do to an instance, or does to it now. */
export interface HostState {
  maintenanceEvent?: Exclude<HostView["maintenanceEvent"], "NONE">;
  preempted?: true;
  upcoming?: Upcoming;
}

export interface Scheduling {
  spot: boolean;
  automaticRestart: boolean;
  onHostMaintenance: "MIGRATE" | "TERMINATE";
  /** What becomes of a spot machine that is preempted. */
  terminationAction: "STOP" | "DELETE";
}

/**
 * How an instance is scheduled, with the defaults that depend on its provisioning model.
 * https://docs.cloud.google.com/compute/docs/instances/host-maintenance-overview
 */
export function schedulingOf(scheduling: unknown): Scheduling {
  const given = isObject(scheduling) ? scheduling : {};
  const spot = given.preemptible === true || given.provisioningModel === "SPOT";
  const stated = given.onHostMaintenance === "MIGRATE" || given.onHostMaintenance === "TERMINATE";
  return {
    spot,
    automaticRestart: typeof given.automaticRestart === "boolean" ? given.automaticRestart : !spot,
    onHostMaintenance: stated ? (given.onHostMaintenance as "MIGRATE" | "TERMINATE") : spot ? "TERMINATE" : "MIGRATE",
    terminationAction: given.instanceTerminationAction === "DELETE" ? "DELETE" : "STOP",
  };
}

/** A spot machine is neither migrated nor restarted. */
export function checkScheduling(scheduling: unknown): void {
  const { spot, automaticRestart, onHostMaintenance } = schedulingOf(scheduling);
  const refuse = (message: string) => new ApiError(400, message, { reason: "invalid" });
  if (spot && automaticRestart)
    throw refuse("Scheduling must have automatic restart be false when preemptible is true.");
  if (spot && onHostMaintenance === "MIGRATE")
    throw refuse("Scheduling must have onHostMaintenance be TERMINATE when preemptible is true.");
}

export function renderScheduling(scheduling: unknown): Json {
  const { spot, automaticRestart, onHostMaintenance } = schedulingOf(scheduling);
  return {
    automaticRestart,
    onHostMaintenance,
    preemptible: spot,
    provisioningModel: spot ? "SPOT" : "STANDARD",
    ...(isObject(scheduling) && scheduling),
  };
}

export function hostView(instance: StoredInstance): HostView {
  const { spot, automaticRestart, onHostMaintenance } = schedulingOf(instance.kept.scheduling);
  const { maintenanceEvent = "NONE", preempted = false, upcoming } = instance.host ?? {};
  return {
    maintenanceEvent,
    preempted,
    automaticRestart,
    onHostMaintenance,
    preemptible: spot,
    ...(upcoming && { upcoming: renderUpcoming(upcoming) }),
  };
}

export function renderUpcoming({ from, until, ongoing }: Upcoming) {
  return {
    type: "SCHEDULED",
    canReschedule: !ongoing,
    windowStartTime: utc(from),
    windowEndTime: utc(until),
    latestWindowStartTime: utc(until),
    maintenanceStatus: ongoing ? "ONGOING" : "PENDING",
  };
}
