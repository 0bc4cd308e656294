import { errors } from "../errors.ts";
import { fixedOrPercent, oneOf } from "../groups/policy.ts";
import { isEmpty } from "../groups/settings.ts";
import { isObject, type Json } from "../schema/check.ts";
import { MODES, type StoredAutoscalingPolicy } from "./model.ts";

const AT = "resource.autoscalingPolicy";

/** Signals of the real service that nothing here could measure. */
const ABSENT = ["customMetricUtilizations", "loadBalancingUtilization", "scalingSchedules"];

const DEFAULT_TARGET = 0.6;

/**
 * Reads an autoscaling policy and fills in its defaults: CPU at 60 %, an initialization period of 60 seconds, mode ON.
 * The least size without a caller's word is undocumented; here it is two, or the most size where that is smaller.
 */
export function parseAutoscalingPolicy(value: unknown): StoredAutoscalingPolicy {
  if (!isObject(value)) throw errors.required(AT);
  for (const field of ABSENT) if (!isEmpty(value[field])) throw errors.notEmulated(`autoscalers with ${field}`);
  if (value.maxNumReplicas === undefined || value.maxNumReplicas === null)
    throw errors.required(`${AT}.maxNumReplicas`);
  const max = atLeast(0, value.maxNumReplicas, `${AT}.maxNumReplicas`);
  const min = atLeast(0, value.minNumReplicas ?? Math.min(2, max), `${AT}.minNumReplicas`);
  if (min > max)
    throw errors.value(
      `${AT}.maxNumReplicas`,
      max,
      "The maximum number of replicas must not be lower than the minimum number of replicas.",
    );
  const control = scaleInControl(value.scaleInControl);
  return {
    minNumReplicas: min,
    maxNumReplicas: max,
    coolDownPeriodSec: atLeast(0, value.coolDownPeriodSec ?? 60, `${AT}.coolDownPeriodSec`),
    mode: oneOf(value.mode, MODES, "ON", `${AT}.mode`),
    utilizationTarget: utilization(value.cpuUtilization),
    ...(control && { scaleInControl: control }),
    ...(value.stabilizationPeriodSec !== undefined && {
      stabilizationPeriodSec: atLeast(0, value.stabilizationPeriodSec, `${AT}.stabilizationPeriodSec`),
    }),
  };
}

function atLeast(least: number, value: unknown, field: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < least)
    throw errors.value(field, value, `Must be greater than or equal to ${least}.`);
  return number;
}

function utilization(value: unknown): number {
  const given: Json = isObject(value) ? value : {};
  const method = oneOf(
    given.predictiveMethod,
    ["NONE", "OPTIMIZE_AVAILABILITY"] as const,
    "NONE",
    `${AT}.cpuUtilization.predictiveMethod`,
  );
  if (method !== "NONE") throw errors.notEmulated(`autoscalers with predictiveMethod ${method}`);
  const target = Number(given.utilizationTarget ?? DEFAULT_TARGET);
  if (!(target > 0 && target <= 1))
    throw errors.value(
      `${AT}.cpuUtilization.utilizationTarget`,
      given.utilizationTarget,
      "Must be greater than 0 and less than or equal to 1.",
    );
  return target;
}

function scaleInControl(value: unknown): StoredAutoscalingPolicy["scaleInControl"] {
  if (!isObject(value) || isEmpty(value)) return undefined;
  const at = `${AT}.scaleInControl`;
  const most = fixedOrPercent(value.maxScaledInReplicas, `${at}.maxScaledInReplicas`);
  if (!most) throw errors.required(`${at}.maxScaledInReplicas`);
  return {
    maxScaledInReplicas: most,
    timeWindowSec: atLeast(0, value.timeWindowSec ?? 600, `${at}.timeWindowSec`),
  };
}
