import { createHash } from "node:crypto";
import { sameBytes } from "../frame/bytes.ts";
import { ApiError } from "../frame/errors.ts";
import type { Policy } from "./model.ts";

/** What the real service answers for a policy that nobody set. */
const NEVER_SET = "ACAB";

export function shownPolicy(policy: Policy): Policy {
  const { etag: _, ...rest } = policy;
  const text = JSON.stringify(rest);
  const isEmpty = (policy.bindings ?? []).length === 0;
  return {
    ...rest,
    etag: isEmpty ? NEVER_SET : createHash("sha256").update(text).digest().subarray(0, 8).toString("base64"),
  };
}

/** The policy that replaces `current`. Throws 400 without one and 409 when `current` is no longer what the caller read. */
export function replacedPolicy(current: Policy, body: { policy?: Policy }): Policy {
  const { policy } = body;
  if (!policy) throw new ApiError(400, "The policy is missing.");
  const { etag = "" } = shownPolicy(current);
  if (policy.etag && !sameBytes(policy.etag, etag)) {
    throw new ApiError(
      409,
      "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
      { status: "ABORTED" },
    );
  }
  for (const { role, members = [] } of policy.bindings ?? []) {
    if (!/^(roles\/|(projects|organizations)\/[^/]+\/roles\/)[\w.]+$/.test(role ?? "")) {
      throw new ApiError(400, `Role ${role} is not supported for this resource.`);
    }
    const odd = members.find(
      (member) =>
        !/^(allUsers|allAuthenticatedUsers)$|^(user|serviceAccount|group|domain|principal|principalSet|projectOwner|projectEditor|projectViewer|deleted):.+$/.test(
          member,
        ),
    );
    if (odd !== undefined) throw new ApiError(400, `Invalid member ${JSON.stringify(odd)}.`);
  }
  const { etag: _, ...kept } = policy;
  return { version: 1, ...kept };
}
