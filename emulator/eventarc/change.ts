import { ApiError } from "../frame/errors.ts";
import { camel, type Json } from "../frame/fields.ts";

const CHANGEABLE = ["labels", "serviceAccount", "destination", "eventDataContentType", "eventFilters"];

/**
 * A trigger's fields after an update: those that the mask names, all that may change for `*`, or what the request states
 * where there is no mask. Throws 400 for a field that stays as it is.
 * https://cloud.google.com/eventarc/docs/reference/rest/v1/projects.locations.triggers/patch
 */
export function changedFields<T extends { eventFilters: unknown }>(before: T, given: Json, mask: string): T {
  const after = { ...before };
  for (const field of fieldsOf(given, mask)) {
    if (!CHANGEABLE.includes(field)) {
      throw new ApiError(400, `The request was invalid: field ${field} of a trigger cannot be updated.`);
    }
    if (given[field] === undefined) Reflect.deleteProperty(after, field);
    else Object.assign(after, { [field]: given[field] });
  }
  if (JSON.stringify(after.eventFilters) !== JSON.stringify(before.eventFilters)) {
    throw new ApiError(501, "triggers with other event filters are not emulated");
  }
  return after;
}

function fieldsOf(given: Json, mask: string): string[] {
  if (mask === "*") return CHANGEABLE;
  if (mask === "") return Object.keys(given).filter((field) => field !== "name" && field !== "transport");
  return [...new Set(mask.split(",").map((path) => camel(path.trim()).split(".")[0] ?? ""))];
}
