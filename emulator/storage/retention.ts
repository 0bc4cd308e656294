import { ApiError } from "../frame/errors.ts";
import { type Bucket, type Generation, isObject } from "./model.ts";
import { invalid } from "./problems.ts";
import { inRetryTest } from "./retry/scope.ts";

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

/**
 * Checks an object's own retention that a caller asks for. https://cloud.google.com/storage/docs/object-lock
 * Throws 400 where the bucket does not have it or it makes no sense.
 */
export function checkObjectRetention(bucket: Bucket, retention: unknown, now: number): void {
  if (!isObject(retention)) return;
  if (!isObject(bucket.settings.objectRetention)) {
    throw invalid("Object retention is not enabled on the bucket, so objects cannot have a retention of their own.");
  }
  const { mode, retainUntilTime } = retention;
  const until = Date.parse(String(retainUntilTime ?? ""));
  if ((mode !== "Unlocked" && mode !== "Locked") || Number.isNaN(until)) {
    throw invalid("An object's retention needs a mode (Locked or Unlocked) and a retainUntilTime.");
  }
  if (until <= now) throw invalid("The retainUntilTime of an object's retention must be in the future.");
}

/**
 * Less retention than there was: never of a locked one, of an unlocked one only where the call says
 * `overrideUnlockedRetention`. Throws 403.
 */
export function requireRetentionChange(before: unknown, after: unknown, override: boolean): void {
  if (!isObject(before)) return;
  const until = (retention: unknown) => (isObject(retention) ? Date.parse(String(retention.retainUntilTime)) : 0);
  const unlocks = before.mode === "Locked" && !(isObject(after) && after.mode === "Locked");
  if (!unlocks && until(after) >= until(before)) return;
  if (before.mode === "Locked") {
    throw new ApiError(403, "A locked object retention cannot be removed, unlocked or shortened.", {
      reason: "forbidden",
    });
  }
  if (!override) {
    throw new ApiError(
      403,
      "An unlocked object retention can be removed or shortened only with overrideUnlockedRetention.",
      { reason: "forbidden" },
    );
  }
}

/**
 * Throws 403 when a hold or a retention keeps this generation from being deleted or overwritten. Calls of a retry test
 * are not held: Google's testbench, whose convention those are, keeps no retention, and its suites delete what they set
 * one on.
 */
export function requireReleased(bucket: Bucket, one: Generation, now: number): void {
  if (inRetryTest()) return;
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
