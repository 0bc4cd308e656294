import { pacific } from "../../frame/time.ts";
import type { FixedOrPercent } from "../groups/model.ts";
import { link, type Scope, scopePath } from "../names.ts";
import type { Json } from "../schema/check.ts";

/** `ONLY_UP` is the older spelling of `ONLY_SCALE_OUT`; each is shown as it was given. */
export const MODES = ["ON", "OFF", "ONLY_SCALE_OUT", "ONLY_UP"] as const;
export type Mode = (typeof MODES)[number];

export interface StoredAutoscalingPolicy {
  minNumReplicas: number;
  maxNumReplicas: number;
  /** How long a new machine's load says nothing, in seconds. */
  coolDownPeriodSec: number;
  mode: Mode;
  /** Fraction of all processors, over 0 and up to 1. */
  utilizationTarget: number;
  scaleInControl?: { maxScaledInReplicas: FixedOrPercent; timeWindowSec: number };
  /** Over how many seconds the peak is kept; only shown when it was given. */
  stabilizationPeriodSec?: number;
}

/** A size recommended at an instant. */
export interface Recommendation {
  at: number;
  size: number;
}

export interface StatusDetail {
  type: string;
  message: string;
}

export interface StoredAutoscaler {
  project: string;
  scope: Scope;
  id: string;
  name: string;
  description?: string;
  created: number;
  /** Path of the group. */
  target: string;
  policy: StoredAutoscalingPolicy;
  status: "PENDING" | "ACTIVE" | "ERROR";
  details: StatusDetail[];
  recommended?: number;
  /** What the load asked for, within the bounds of the policy, oldest first. */
  asked: Recommendation[];
  /** What was recommended in the end, oldest first; kept for scale-in control. */
  given: Recommendation[];
}

/** The load of a group as a person sets it; at most one of the three. */
export type Load =
  /** Average of the machines that are initialized, whatever their number; 1 is all their processors. */
  | { cpuUtilization: number }
  /** Shared by the machines; 2.5 keeps the processors of two and a half busy. */
  | { totalCpuUtilization: number }
  /** The size that the load asks for. */
  | { size: number };

export function autoscalerPath(autoscaler: Pick<StoredAutoscaler, "project" | "scope" | "name">): string {
  return `projects/${autoscaler.project}/${scopePath(autoscaler.scope)}/autoscalers/${autoscaler.name}`;
}

export function renderPolicy(policy: StoredAutoscalingPolicy): Json {
  const { utilizationTarget, scaleInControl, stabilizationPeriodSec, ...rest } = policy;
  return {
    ...rest,
    cpuUtilization: { utilizationTarget, predictiveMethod: "NONE" },
    ...(scaleInControl && { scaleInControl }),
    ...(stabilizationPeriodSec !== undefined && { stabilizationPeriodSec }),
  };
}

export function renderAutoscaler(autoscaler: StoredAutoscaler, origin: string): Json {
  const { project, scope, details } = autoscaler;
  return {
    kind: "compute#autoscaler",
    id: autoscaler.id,
    creationTimestamp: pacific(autoscaler.created),
    name: autoscaler.name,
    ...(autoscaler.description !== undefined && { description: autoscaler.description }),
    target: link(origin, autoscaler.target),
    ...(scope.kind !== "global" && { [scope.kind]: link(origin, `projects/${project}/${scopePath(scope)}`) }),
    autoscalingPolicy: renderPolicy(autoscaler.policy),
    selfLink: link(origin, autoscalerPath(autoscaler)),
    status: autoscaler.status,
    ...(details.length > 0 && { statusDetails: details }),
    ...(autoscaler.recommended !== undefined && { recommendedSize: autoscaler.recommended }),
  };
}
