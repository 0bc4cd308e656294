import { ApiError } from "../frame/errors.ts";
import type { World } from "../frame/world.ts";

/** Secret Manager's errors in its own words. */

export function invalid(message: string): ApiError {
  return new ApiError(400, message);
}

export function failedPrecondition(message: string): ApiError {
  return new ApiError(400, message, { status: "FAILED_PRECONDITION" });
}

export function notFound(message: string): ApiError {
  return new ApiError(404, message);
}

/** Asked before anything is looked up, so that who may not look does not learn what exists. */
export function permit(world: World, headers: Record<string, string>, permission: string, resource: string): void {
  if (world.doors.allowed(world.doors.principal(headers), permission, resource)) return;
  throw new ApiError(403, `Permission '${permission}' denied for resource '${resource}' (or it may not exist).`, {
    details: [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: "IAM_PERMISSION_DENIED",
        domain: "iam.googleapis.com",
        metadata: { permission, resource },
      },
    ],
  });
}
