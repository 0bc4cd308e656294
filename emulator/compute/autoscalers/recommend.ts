import { calculate } from "../groups/goal.ts";
import type { Load, Recommendation, StoredAutoscalingPolicy } from "./model.ts";

/** How long the peak of the load is kept where the policy does not say. */
const STABILIZATION_SEC = 600;

/** What the load asks for, without the policy's bounds; undefined when it says nothing. */
export function asked(load: Load | undefined, target: number, initialized: number): number | undefined {
  if (!load) return undefined;
  if ("size" in load) return load.size;
  if ("totalCpuUtilization" in load) return up(load.totalCpuUtilization / target);
  // Machines that are still initializing say nothing, and without any other there is no load to go by.
  return initialized === 0 ? undefined : up((initialized * load.cpuUtilization) / target);
}

/** Rounds up, but not for what is only the error of a binary fraction. */
function up(size: number): number {
  return Math.ceil(size - 1e-9);
}

export function within(policy: StoredAutoscalingPolicy, size: number): number {
  return Math.min(policy.maxNumReplicas, Math.max(policy.minNumReplicas, size));
}

/** Notes a size seen now. One that holds on is one entry, with the instant at which it was seen last. */
export function noted(history: Recommendation[], now: number, size: number, sec: number): Recommendation[] {
  const kept = recent(history, now, sec);
  const last = kept.at(-1);
  return last?.size === size ? [...kept.slice(0, -1), { at: now, size }] : [...kept, { at: now, size }];
}

function recent(history: Recommendation[], now: number, sec: number): Recommendation[] {
  return history.filter(({ at }) => at > now - sec * 1000);
}

function peak(history: Recommendation[], fallback: number): number {
  return history.reduce((most, { size }) => Math.max(most, size), fallback);
}

export function stabilizationSec(policy: StoredAutoscalingPolicy): number {
  return policy.stabilizationPeriodSec ?? STABILIZATION_SEC;
}

/**
 * The size to recommend now: what the peak of the load over the stabilization period asked for, and, under scale-in
 * control, no more below the peak recommendation of its window than it allows.
 * https://docs.cloud.google.com/compute/docs/autoscaler/understanding-autoscaler-decisions
 * @param wanted what the load asks for now, within bounds; the last entry of the histories may be older.
 */
export function recommend(
  policy: StoredAutoscalingPolicy,
  wanted: number,
  past: { asked: Recommendation[]; given: Recommendation[] },
  now: number,
): { size: number; limit?: "stabilization" | "scaleInControl" } {
  const stable = within(policy, peak(recent(past.asked, now, stabilizationSec(policy)), wanted));
  const control = policy.scaleInControl;
  const top = control ? peak(recent(past.given, now, control.timeWindowSec), stable) : stable;
  // Of a share of machines, the part that is not a whole one may not go.
  const allowed = control ? calculate(control.maxScaledInReplicas, top, "down") : 0;
  const floor = control ? within(policy, top - allowed) : 0;
  if (floor > stable) return { size: floor, limit: "scaleInControl" };
  return stable > wanted ? { size: stable, limit: "stabilization" } : { size: stable };
}
