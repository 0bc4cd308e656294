import type { DeprecationStatus, Image } from "../../../wire/compute.d.ts";
import type { Instant } from "../instants.ts";
import { DATE_OF, datesOf, LADDER, plus, type State } from "./dates.ts";
import type { Ages } from "./policy.ts";

/** The age that takes an image out of each state. */
export const AGE_OF = { ACTIVE: "deprecate", DEPRECATED: "obsolete", OBSOLETE: "delete", DELETED: "remove" } as const;

export function next(state: Exclude<State, "DELETED">): Exclude<State, "ACTIVE"> {
  return state === "ACTIVE" ? "DEPRECATED" : state === "DEPRECATED" ? "OBSOLETE" : "DELETED";
}

/**
 * The status for a state entered now, with the dates of the states before it as recorded and of those after it as the policy
 * says. A status replaces the one there, so every date is in it.
 */
export function statusAt(
  image: Image,
  to: Exclude<State, "ACTIVE">,
  head: Pick<Image, "selfLink">,
  ages: Ages,
  now: Instant,
): DeprecationStatus {
  const dates = datesOf(image.deprecated);
  /** The date the policy gives the next state, and that of the state before it. */
  let at: Instant | undefined = now;
  let before = now;
  for (const state of LADDER) {
    if (state === "ACTIVE") continue;
    const field = DATE_OF[state];
    const recorded = dates[field];
    if (LADDER.indexOf(state) < LADDER.indexOf(to)) {
      dates[field] = recorded !== undefined && recorded < now ? recorded : now;
      continue;
    }
    // A date that was announced for a state after this one stays, unless it comes before this one's.
    const announced = state === to || recorded === undefined || recorded <= before ? undefined : recorded;
    const said = latest(at, announced);
    if (said === undefined) delete dates[field];
    else dates[field] = said;
    const age: number | null = ages[AGE_OF[state]];
    at = said === undefined || age === null ? undefined : plus(said, age);
    before = said ?? before;
  }
  return { state: to, replacement: head.selfLink, ...dates };
}

function latest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}
