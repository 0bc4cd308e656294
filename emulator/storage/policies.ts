import { ApiError } from "../frame/errors.ts";
import { isObject, type Json, type Policy } from "./model.ts";
import { conditionNotMet, invalid } from "./problems.ts";
import { numberEtag } from "./resources.ts";

/** IAM policies of buckets, managed folders and objects: kept and shown, and checked for what they may say. */

export function shownPolicy({ version, revision, bindings }: Policy, resourceId: string): Json {
  return { kind: "storage#policy", resourceId, version, etag: numberEtag(revision), bindings };
}

export function needsUniformAccess(): ApiError {
  return new ApiError(
    412,
    "To set an IAM policy with a condition, please enable uniform bucket-level access on the bucket.",
    { reason: "conditionNotMet" },
  );
}

/**
 * The policy after `before` that a caller sent. `allow` refuses members and conditions that are not allowed there. A
 * condition needs version 3. https://cloud.google.com/iam/docs/policies#versions
 */
export function policyFrom(
  body: Json,
  before: Policy,
  allow: (members: unknown[], hasCondition: boolean) => void,
): Policy {
  const { bindings = [], version = 1, etag } = body;
  if (typeof etag === "string" && etag !== "" && etag !== numberEtag(before.revision)) throw conditionNotMet();
  if (!Array.isArray(bindings)) throw invalid("Invalid value for: bindings");
  if (version !== 0 && version !== 1 && version !== 3) throw invalid(`Invalid policy version: ${String(version)}`);
  const known = bindings.filter(isObject);
  const hasCondition = known.some(({ condition }) => isObject(condition));
  allow(
    known.flatMap(({ members }) => (Array.isArray(members) ? members : [])),
    hasCondition,
  );
  if (hasCondition && version !== 3) {
    throw invalid("An IAM policy with a condition must have a version of at least 3.");
  }
  return { bindings, version: version === 0 ? 1 : version, revision: before.revision + 1 };
}
