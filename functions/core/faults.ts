/**
 * Why a machine could not be made, by what can be done about it. Codes as `listErrors` and `lastAttempt` give them.
 *
 * - `capacity`: room, quota, addresses, throttling. Never the release's fault: wait.
 * - `interrupted`: preemption, host errors, maintenance. Not a failure: the group makes the machine again.
 * - `refused`: everything else is permanent until a person changes something (a permission of the service agent, an image
 *   made unusable, a subnet). The group is put back, and the release is not blamed.
 */
export type FaultClass = "capacity" | "interrupted" | "refused";

const CAPACITY =
  /(EXHAUSTED|INSUFFICIENT_CAPACITY|STOCKOUT|QUOTA|RATE_LIMIT|RATELIMIT|TOO_MANY_REQUESTS|UNAVAILABLE|TIMEOUT|INTERNAL)/;
const INTERRUPTED =
  /(PREEMPT|HOST_ERROR|MAINTENANCE|OPERATION_CANCELED|CONDITION_NOT_MET|RESOURCE_NOT_READY|OPERATION_IN_PROGRESS)/;

export function classifyFault(code: string): FaultClass {
  const word = code.toUpperCase();
  if (CAPACITY.test(word)) return "capacity";
  return INTERRUPTED.test(word) ? "interrupted" : "refused";
}
