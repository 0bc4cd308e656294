import { ApiError } from "../frame/errors.ts";

/** Compute's errors, in its words. Messages marked there are from public threads: research/gcp-facts.md §4.1. */
export const errors = {
  notFound: (path: string) => new ApiError(404, `The resource '${path}' was not found`, { reason: "notFound" }),
  exists: (path: string) => new ApiError(409, `The resource '${path}' already exists`, { reason: "alreadyExists" }),
  forbidden: (permission: string, path: string) =>
    new ApiError(403, `Required '${permission}' permission for '${path}'`, { reason: "forbidden" }),
  inUse: (kind: string, path: string, by: string) =>
    new ApiError(400, `The ${kind} resource '${path}' is already being used by '${by}'`, {
      reason: "resourceInUseByAnotherResource",
    }),
  notReady: (path: string) => new ApiError(400, `The resource '${path}' is not ready`, { reason: "resourceNotReady" }),
  fingerprint: (message = "Invalid fingerprint.") =>
    new ApiError(412, message, { reason: "conditionNotMet", location: "If-Match", locationType: "header" }),
  required: (field: string) => new ApiError(400, `Required field '${field}' not specified`, { reason: "required" }),
  /** `value` as the service shows it: text bare, objects as JSON with two spaces after `{`. */
  value: (field: string, value: unknown, why: string) =>
    new ApiError(400, `Invalid value for field '${field}': '${shown(value)}'. ${why}`, { reason: "invalid" }),
  usage: (why: string) => new ApiError(400, `Invalid resource usage: '${why}'.`, { reason: "invalidResourceUsage" }),
  deletedWhenPreempted: () =>
    new ApiError(
      400,
      "Spot virtual machines with termination action set to DELETE cannot be used with Managed Instance Groups.",
      { reason: "invalid" },
    ),
  notEmulated: (what: string) => new ApiError(501, `${what} is not emulated`, { reason: "notImplemented" }),
};

function shown(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "object") return String(value);
  const text = JSON.stringify(value, null, 1).replaceAll("\n ", " ").replaceAll("\n", "");
  return text.replace(/^\{ /, "{  ");
}

export const NAME = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

export function checkName(name: unknown, field = "resource.name"): string {
  if (name === undefined || name === "") throw errors.required(field);
  if (typeof name !== "string" || !NAME.test(name))
    throw errors.value(field, name, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'");
  return name;
}
