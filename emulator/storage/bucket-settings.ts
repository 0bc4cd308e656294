import { ApiError } from "../frame/errors.ts";
import { requireKmsKey } from "./keys.ts";
import { checkLifecycle } from "./lifecycle.ts";
import { requireStorageClass } from "./metadata.ts";
import { isObject, type Json } from "./model.ts";
import { invalid, notServed } from "./problems.ts";

/** What the server makes of a bucket's settings. Instants are text here, as the resource shows them. */

export const DAY_SECONDS = 86_400;
const SOFT_DELETE_DEFAULT_SECONDS = 7 * DAY_SECONDS;
const SOFT_DELETE_MAX_SECONDS = 90 * DAY_SECONDS;
const RPOS = ["DEFAULT", "ASYNC_TURBO"];

/** An empty list or map is the same as none, in what is shown too. */
const EMPTY_IS_NONE = ["cors", "labels", "lifecycle", "website", "logging", "billing"];

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.values(value).every((one) => isEmpty(one));
}

/** Checks settings and fills in what the server decides. `before` is undefined for a new bucket. */
export function completed(settings: Json, before: Json | undefined, now: string, lockedUntil: string): Json {
  const { encryption, ipFilter, rpo } = settings;
  if (isObject(encryption) && encryption.defaultKmsKeyName !== undefined) requireKmsKey(encryption.defaultKmsKeyName);
  if (isObject(ipFilter) && ipFilter.mode === "Enabled") throw notServed("ipFilter of a bucket");
  if (rpo !== undefined && !RPOS.includes(String(rpo))) throw invalid(`Invalid rpo: ${String(rpo)}`);
  checkLifecycle(settings.lifecycle);
  const kept = before?.retentionPolicy;
  if (isObject(kept) && kept.isLocked === true && !isObject(settings.retentionPolicy)) {
    throw new ApiError(403, "Cannot remove a locked Retention Policy for bucket.", { reason: "forbidden" });
  }
  const { hierarchicalNamespace: _, autoclass: __, ...rest } = settings;
  const shown = Object.fromEntries(
    Object.entries(rest).filter(([field, value]) => !EMPTY_IS_NONE.includes(field) || !isEmpty(value)),
  );
  const access = accessConfiguration(settings.iamConfiguration, before?.iamConfiguration, lockedUntil);
  return {
    ...shown,
    storageClass: requireStorageClass(settings.storageClass ?? "STANDARD"),
    iamConfiguration: access,
    softDeletePolicy: softDelete(settings.softDeletePolicy, before?.softDeletePolicy, now),
    ...hierarchy(settings.hierarchicalNamespace, before, access),
    ...(isObject(settings.autoclass) && { autoclass: autoclass(settings.autoclass, before?.autoclass, now) }),
    ...(isObject(settings.retentionPolicy) && {
      retentionPolicy: retention(settings.retentionPolicy, before?.retentionPolicy, now),
    }),
  };
}

/** Only a new bucket can get one, and only with uniform access. https://cloud.google.com/storage/docs/hns-overview */
function hierarchy(asked: unknown, before: Json | undefined, access: Json): Json {
  const had = isObject(before?.hierarchicalNamespace);
  const wants = isObject(asked) && asked.enabled === true;
  if (before !== undefined && wants !== had && asked !== undefined) {
    throw invalid("The hierarchical namespace of a bucket cannot be changed after its creation.");
  }
  if (!wants && !had) return {};
  const uniform = access.uniformBucketLevelAccess;
  if (!isObject(uniform) || uniform.enabled !== true) {
    throw invalid("Hierarchical namespace requires uniform bucket-level access to be enabled.");
  }
  return { hierarchicalNamespace: { enabled: true } };
}

/** https://cloud.google.com/storage/docs/autoclass. Classes are shown, not changed: nobody reads often or seldom here. */
function autoclass(given: Json, before: unknown, now: string): Json {
  const enabled = given.enabled === true;
  const was = isObject(before) ? before : {};
  const toggleTime = was.enabled === enabled ? was.toggleTime : now;
  if (!enabled) return { enabled, toggleTime };
  const terminal = given.terminalStorageClass ?? "NEARLINE";
  if (terminal !== "NEARLINE" && terminal !== "ARCHIVE") {
    throw invalid(`Invalid terminalStorageClass: ${String(terminal)}`);
  }
  const same = was.terminalStorageClass === terminal;
  return {
    enabled,
    toggleTime,
    terminalStorageClass: terminal,
    terminalStorageClassUpdateTime: same ? was.terminalStorageClassUpdateTime : now,
  };
}

/** Uniform access under both its names, with the instant until which it can be taken back. */
function accessConfiguration(given: unknown, before: unknown, lockedUntil: string): Json {
  const asked = isObject(given) ? given : {};
  const prevention = asked.publicAccessPrevention ?? "inherited";
  // `unspecified` is what `inherited` was called before.
  if (prevention !== "inherited" && prevention !== "enforced" && prevention !== "unspecified") {
    throw invalid(`Invalid value for publicAccessPrevention: ${String(prevention)}`);
  }
  const uniform = isObject(asked.uniformBucketLevelAccess)
    ? asked.uniformBucketLevelAccess
    : isObject(asked.bucketPolicyOnly)
      ? asked.bucketPolicyOnly
      : {};
  const was = isObject(before) && isObject(before.uniformBucketLevelAccess) ? before.uniformBucketLevelAccess : {};
  const enabled = uniform.enabled === true;
  const access = enabled
    ? { enabled, lockedTime: was.enabled === true ? was.lockedTime : lockedUntil }
    : { enabled: false };
  return {
    ...asked,
    bucketPolicyOnly: access,
    uniformBucketLevelAccess: access,
    publicAccessPrevention: prevention === "enforced" ? "enforced" : "inherited",
  };
}

/** Seven days unless the caller says otherwise. https://cloud.google.com/storage/docs/soft-delete */
function softDelete(given: unknown, before: unknown, now: string): Json {
  const text = isObject(given) ? given.retentionDurationSeconds : undefined;
  const seconds = text === undefined ? SOFT_DELETE_DEFAULT_SECONDS : Number(text);
  const isAllowed = seconds === 0 || (seconds >= SOFT_DELETE_DEFAULT_SECONDS && seconds <= SOFT_DELETE_MAX_SECONDS);
  if (!Number.isInteger(seconds) || !isAllowed) {
    throw invalid("Soft delete policy retention duration must be 0 or between 7 days and 90 days.");
  }
  const same = isObject(before) && before.retentionDurationSeconds === String(seconds);
  return {
    retentionDurationSeconds: String(seconds),
    effectiveTime: same ? before.effectiveTime : now,
  };
}

function retention(given: Json, before: unknown, now: string): Json {
  const seconds = Number(given.retentionPeriod);
  if (!Number.isInteger(seconds) || seconds <= 0) throw invalid("Invalid retention period.");
  if (isObject(before) && before.isLocked === true && seconds < Number(before.retentionPeriod)) {
    throw new ApiError(403, "Cannot reduce retention duration of a locked Retention Policy for bucket.", {
      reason: "forbidden",
    });
  }
  const same = isObject(before) && before.retentionPeriod === String(seconds);
  return {
    ...given,
    retentionPeriod: String(seconds),
    effectiveTime: same ? before.effectiveTime : now,
    ...(isObject(before) && before.isLocked === true && { isLocked: true }),
  };
}
