/** How long the emulated cloud takes, in milliseconds. Defaults suit a demo at a desk; the real ones are 10 to 200 times longer. */
export interface Timings {
  /** From a call to its operation being DONE, where nothing else decides. */
  operation: number;
  /** images.insert: PENDING until READY. */
  imageCreation: number;
  provisioning: number;
  staging: number;
  /** From the decision to stop a machine to the guest hearing of it. */
  stopping: number;
  /** From the machine being off to its resources being gone. */
  deleting: number;
  /** What a guest gets to shut down before the power is cut. */
  shutdownGrace: number;
  /** From a failed attempt to make a group's machine to the next, doubled up to ten times as much. */
  creationRetry: number;
  /** From one look of an autoscaler to its next. */
  autoscaling: number;
  /** Beyond the draining timeout, until a drained machine is stopped; the real one takes up to a minute. */
  draining: number;
  /** What a guest that is preempted gets to shut down. */
  preemptionNotice: number;
  /** From the notice of host maintenance to the maintenance; the real one gives a minute. */
  maintenanceNotice: number;
  /** From a live migration to the end of the maintenance. */
  migration: number;
  /** From the announcement of scheduled maintenance to its window, and the window's length. */
  maintenanceWindow: number;
  /** From a machine being lost with its host to its automatic restart. */
  repair: number;
}

export const DEFAULT_TIMINGS: Timings = {
  operation: 50,
  imageCreation: 300,
  provisioning: 150,
  staging: 150,
  stopping: 20,
  deleting: 50,
  shutdownGrace: 10_000,
  creationRetry: 1_000,
  autoscaling: 1_000,
  draining: 50,
  preemptionNotice: 30_000,
  maintenanceNotice: 1_000,
  migration: 200,
  maintenanceWindow: 60_000,
  repair: 200,
};

/** What the project may use; null is without limit. */
export interface Limits {
  /** Instances in one region. */
  instancesPerRegion: number | null;
  /** Zones that have no room for another machine. */
  exhaustedZones: string[];
}

export const DEFAULT_LIMITS: Limits = { instancesPerRegion: null, exhaustedZones: [] };
