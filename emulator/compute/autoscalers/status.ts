import type { Cloud } from "../cloud.ts";
import { instanceOf, type StoredGroup } from "../groups/model.ts";
import type { StatusDetail, StoredAutoscaler } from "./model.ts";

const MESSAGES = {
  SCALING_TARGET_DOES_NOT_EXIST: "The instance group that the autoscaler is configured for does not exist.",
  ALL_INSTANCES_UNHEALTHY: "All instances in the instance group are unhealthy (not in RUNNING state).",
  CAPPED_AT_MAX_NUM_REPLICAS: "The autoscaler recommends more instances than the maximum number of replicas allows.",
  MIN_EQUALS_MAX:
    "The minimum and the maximum number of replicas are equal: instances can be neither added nor removed.",
  MODE_OFF: "Autoscaling is turned off. The number of instances in the group won't change automatically.",
  MODE_ONLY_SCALE_OUT: "Autoscaling is in the scale-out mode: instances are added but not removed.",
  MODE_ONLY_UP: "Autoscaling is in the scale-out mode: instances are added but not removed.",
  ZONE_RESOURCE_STOCKOUT: "A zone of the group does not have enough resources for another instance.",
  NOT_ENOUGH_QUOTA_AVAILABLE: "There is not enough quota for another instance.",
} as const;

type Type = keyof typeof MESSAGES;

/** What stands in the way of an autoscaler, in the types of the published API. Messages are this emulator's own. */
export function detailsOf(
  cloud: Cloud,
  autoscaler: Pick<StoredAutoscaler, "policy">,
  group: StoredGroup | undefined,
  wanted: number | undefined,
): StatusDetail[] {
  const { mode, minNumReplicas: min, maxNumReplicas: max } = autoscaler.policy;
  const types: Type[] = group
    ? [
        ...(mode === "ON" ? [] : [`MODE_${mode}` as const]),
        ...(min === max ? (["MIN_EQUALS_MAX"] as const) : []),
        ...((wanted ?? 0) > max ? (["CAPPED_AT_MAX_NUM_REPLICAS"] as const) : []),
        ...machinesSay(cloud, group),
      ]
    : ["SCALING_TARGET_DOES_NOT_EXIST"];
  return types.map((type) => ({ type, message: MESSAGES[type] }));
}

function machinesSay(cloud: Cloud, group: StoredGroup): Type[] {
  let running = false;
  const codes = new Set<string>();
  for (const member of group.members.values()) {
    running ||= instanceOf(cloud, group, member)?.status === "RUNNING";
    if (member.lastAttempt) codes.add(member.lastAttempt.code);
  }
  return [
    ...(group.members.size > 0 && !running ? (["ALL_INSTANCES_UNHEALTHY"] as const) : []),
    ...([...codes].some((code) => code.startsWith("ZONE_RESOURCE_POOL_EXHAUSTED"))
      ? (["ZONE_RESOURCE_STOCKOUT"] as const)
      : []),
    ...(codes.has("QUOTA_EXCEEDED") ? (["NOT_ENOUGH_QUOTA_AVAILABLE"] as const) : []),
  ];
}
