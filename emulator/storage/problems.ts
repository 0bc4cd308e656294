import { ApiError } from "../frame/errors.ts";
import type { World } from "../frame/world.ts";
import type { Json } from "./model.ts";

/** Storage's errors in its own words. https://cloud.google.com/storage/docs/json_api/v1/status-codes */

export function noBucket(): ApiError {
  return new ApiError(404, "The specified bucket does not exist.", { reason: "notFound" });
}

export function noObject(bucket: string, name: string): ApiError {
  return new ApiError(404, `No such object: ${bucket}/${name}`, { reason: "notFound" });
}

export function conditionNotMet(): ApiError {
  return new ApiError(412, "At least one of the pre-conditions you specified did not hold.", {
    reason: "conditionNotMet",
    locationType: "header",
    location: "If-Match",
  });
}

export function invalid(message: string): ApiError {
  return new ApiError(400, message, { reason: "invalid" });
}

export function required(what: string): ApiError {
  return new ApiError(400, `Required parameter: ${what}`, {
    reason: "required",
    locationType: "parameter",
    location: what,
  });
}

/** A documented method or option that this emulator does not serve. */
export function notServed(what: string): ApiError {
  return new ApiError(501, `${what} is not emulated`, { reason: "notImplemented" });
}

/** Refuses fields the resource does not have, so that a misspelt one is not lost in silence. */
export function checkFields(world: World, body: Json, known: ReadonlySet<string>): void {
  if (world.loose) return;
  const unknown = Object.keys(body).find((field) => !known.has(field));
  if (unknown !== undefined) {
    throw invalid(`Invalid JSON payload received. Unknown name "${unknown}": Cannot find field.`);
  }
}

/** Asks IAM-lite and answers as Storage does when it says no. */
export function permit(
  world: World,
  headers: Record<string, string>,
  permission: string,
  bucket: string,
  object?: string,
): void {
  permitTo(world, world.doors.principal(headers), permission, bucket, object);
}

/** The same for a caller who is known otherwise: who signed a URL, say. */
export function permitTo(world: World, principal: string, permission: string, bucket: string, object?: string): void {
  const resource = `projects/_/buckets/${bucket}${object === undefined ? "" : `/objects/${object}`}`;
  if (world.doors.allowed(principal, permission, resource)) return;
  const kind = permission.startsWith("storage.objects.") ? "object" : "bucket";
  throw new ApiError(
    403,
    `${principal} does not have ${permission} access to the Google Cloud Storage ${kind}. Permission '${permission}' denied on resource (or it may not exist).`,
    { reason: "forbidden" },
  );
}
