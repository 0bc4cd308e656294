import type { DeprecationStatus, Image } from "../../../wire/compute.d.ts";
import { type Instant, instant, msOf } from "../instants.ts";

/** The states in the order in which rotation moves an image through them, one at a time. */
export const LADDER = ["ACTIVE", "DEPRECATED", "OBSOLETE", "DELETED"] as const;
export type State = (typeof LADDER)[number];

/** Where a deprecation status has the date of each state. */
export const DATE_OF = { DEPRECATED: "deprecated", OBSOLETE: "obsolete", DELETED: "deleted" } as const;

/** People write the year 9999 for never; a day later instants would no longer compare as texts. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const OFFSET = /(?:Z|[+-]\d\d:?\d\d)$/i;

/**
 * A date of Compute Engine's; undefined when it is none. A time without an offset, as gcloud writes it for `--delete-in`, is
 * taken as UTC; `Date.parse` would take it for this computer's own.
 */
export function dateOf(text: string | undefined): Instant | undefined {
  if (text === undefined || text === "") return undefined;
  const ms = Date.parse(text.includes("T") && !OFFSET.test(text) ? `${text}Z` : text);
  return Number.isNaN(ms) ? undefined : instant(Math.min(ms, LAST_MS));
}

export function plus(at: Instant, ms: number): Instant {
  return instant(Math.min(msOf(at) + ms, LAST_MS));
}

/** Without a status an image is ACTIVE; undefined when the status names a state that is none. */
export function stateOf({ deprecated }: Image): State | undefined {
  const state = deprecated?.state ?? "ACTIVE";
  return LADDER.find((each) => each === state);
}

/** When it entered its state: its creation, or the date its status has for that state. */
export function enteredOf(image: Image, state: State): Instant | undefined {
  return dateOf(state === "ACTIVE" ? image.creationTimestamp : image.deprecated?.[DATE_OF[state]]);
}

/** The dates of a status, in one form, as they are to be sent again: a status replaces the one there. */
export function datesOf(status: DeprecationStatus | undefined): Omit<DeprecationStatus, "state" | "replacement"> {
  const dates: Omit<DeprecationStatus, "state" | "replacement"> = {};
  for (const field of Object.values(DATE_OF)) {
    const at = dateOf(status?.[field]);
    if (at !== undefined) dates[field] = at;
  }
  return dates;
}
