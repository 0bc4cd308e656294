import { ApiError } from "../frame/errors.ts";
import { type Bucket, type Generation, isObject } from "./model.ts";

/** When the bucket's retention policy, or the object's own, lets go of a generation (ms); undefined when neither holds it. */
export function expiry(bucket: Bucket, one: Generation): number | undefined {
  const ends: number[] = [];
  const { retentionPolicy } = bucket.settings;
  // While an event-based hold lasts, the bucket's period has not begun; `isHeld` refuses by then.
  if (isObject(retentionPolicy)) ends.push(one.createdAt + Number(retentionPolicy.retentionPeriod) * 1000);
  const { retention } = one.settings;
  if (isObject(retention) && typeof retention.retainUntilTime === "string") {
    ends.push(Date.parse(retention.retainUntilTime));
  }
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Throws 403 when a hold or a retention keeps this generation from being deleted or overwritten. */
export function requireReleased(bucket: Bucket, one: Generation, now: number): void {
  if (one.settings.temporaryHold === true || one.settings.eventBasedHold === true) {
    throw new ApiError(
      403,
      `Object '${bucket.name}/${one.name}' is under active ${one.settings.temporaryHold === true ? "Temporary" : "Event-Based"} hold and cannot be deleted, overwritten or archived until hold is removed.`,
      { reason: "objectUnderActiveHold" },
    );
  }
  const until = expiry(bucket, one);
  if (until !== undefined && until > now) {
    throw new ApiError(
      403,
      `Object '${bucket.name}/${one.name}' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until ${new Date(until).toISOString()}`,
      { reason: "retentionPolicyNotMet" },
    );
  }
}
