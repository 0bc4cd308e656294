import type { DeprecationStatus, Image } from "../../../wire/compute.d.ts";
import { formatDuration, type Instant } from "../instants.ts";
import { DATE_OF, dateOf, enteredOf, plus, type State, stateOf } from "./dates.ts";
import { type ImageHold, isOver } from "./holds.ts";
import type { FamilyPolicy } from "./policy.ts";
import { AGE_OF, next, statusAt } from "./status.ts";
import { type UseIndex, type Users, usersText } from "./uses.ts";

/** Why an image stays as it is; docs/image-rotation.md explains each. */
export type KeepRule =
  | "head"
  | "retained"
  | "held"
  | "used"
  | "stranded"
  | "young"
  | "no-age"
  | "no-head"
  | "not-ready"
  | "unread";

export type Decision =
  /** `until`: the earliest that this can change by itself; absent where no date says so. */
  | { do: "keep"; rule: KeepRule; why: string; until?: Instant }
  /** The status is sent as it is. From and to are the same where only a date that was missing is recorded. */
  | { do: "state"; to: State; status: DeprecationStatus; why: string; until?: Instant }
  | { do: "delete"; why: string };

export interface Decided {
  image: Image;
  /** Undefined when Compute names one that is none. */
  state: State | undefined;
  decision: Decision;
}

/** Everything known to need images; `unread` names what could not be read, which may need any of them. */
export interface ImageReferences {
  uses: Pick<UseIndex, "of">;
  unread: readonly string[];
}

export interface Rotation {
  /** What the family points to. More than one when several were made in the same instant: each may be it. */
  heads: Image[];
  /** Newest first. */
  images: Decided[];
}

/**
 * What becomes of each image of a family. An image moves one state at a time, when it has been in its own for as long as the
 * policy says and not before a date that was announced. What the family points to, the newest few and what is held do not move,
 * and past DEPRECATED goes only what nothing is known to need.
 */
export function decideRotation(
  all: readonly Image[],
  references: ImageReferences,
  policy: FamilyPolicy,
  holds: readonly ImageHold[],
  now: Instant,
): Rotation {
  const family = all.filter((image) => image.family === policy.family).sort(newestFirst);
  // One that does not say when it was made may be the head; it is left alone, and so is the newest of the others.
  const active = family.filter(
    (image) => image.status === "READY" && stateOf(image) === "ACTIVE" && enteredOf(image, "ACTIVE") !== undefined,
  );
  const [newest] = active;
  const heads = active.filter((image) => newest && enteredOf(image, "ACTIVE") === enteredOf(newest, "ACTIVE"));
  const retained = new Set(active.slice(0, Math.max(policy.retain, heads.length)).map(({ id }) => id));
  const held = new Map(holds.filter((hold) => !isOver(hold, now)).map((hold) => [hold.image.id, hold]));
  const images = family.map((image): Decided => {
    const state = stateOf(image);
    const decision =
      unfit(image) ??
      (state === undefined ? keep("not-ready", "its state is one that moult does not know") : undefined) ??
      kept(image, heads, held.get(image.id)) ??
      (state === undefined || newest === undefined
        ? keep("no-head", "the family points to no image, and which one it should, a person has to say")
        : aged({ image, state, head: newest, policy, references, now, retained: retained.has(image.id) }));
    return { image, state, decision };
  });
  return { heads, images };
}

function unfit({ status }: Image): Decision | undefined {
  return status === "READY" ? undefined : keep("not-ready", NOT_READY[status] ?? `its status is ${status}`);
}

/** What keeps an image whatever its age is. */
function kept({ id }: Image, heads: readonly Image[], hold: ImageHold | undefined): Decision | undefined {
  if (heads.some((each) => each.id === id)) return keep("head", "the family points to it");
  return hold && keep("held", `held by ${hold.by}: ${hold.reason}`, hold.until);
}

const NOT_READY: Record<string, string> = {
  PENDING: "it is still being made",
  FAILED: "it could not be made; nobody can use it, and a person may delete it",
  DELETING: "it is being deleted",
};

interface Case {
  image: Image;
  state: State;
  head: Image;
  policy: FamilyPolicy;
  references: ImageReferences;
  now: Instant;
  retained: boolean;
}

function aged(found: Case): Decision {
  const { image, state, policy, references, now, retained } = found;
  const users = state === "ACTIVE" ? NOBODY : references.uses.of(image, policy.project);
  const needed = users.count > 0;
  if (needed && (state === "OBSOLETE" || state === "DELETED"))
    return keep(
      "stranded",
      `${state} and still needed by ${usersText(users)}: no new machine can be made from it. If that is not meant: moult image deprecate ${image.name} --state DEPRECATED`,
    );
  if (retained) return keep("retained", `one of the newest ${policy.retain}, which stay ACTIVE`);
  const age = policy.rotate[AGE_OF[state]];
  if (age === null)
    return keep("no-age", `the policy has no rotate.${AGE_OF[state]}, so it stays ${state}${neededText(users)}`);
  const entered = enteredOf(image, state);
  if (entered === undefined) return undated(found);
  const due = dueAt(image, state, entered, age);
  if (needed) return keep("used", `needed by ${usersText(users)}`, due > now ? due : undefined);
  const since = `${state} since ${day(entered)}`;
  if (due > now)
    return keep(
      "young",
      `${since}; ${state === "DELETED" ? "gone" : next(state)} after ${formatDuration(age)}, from ${day(due)}`,
      due,
    );
  const [unread] = references.unread;
  if (unread !== undefined && state !== "ACTIVE") return keep("unread", `${unread} could not be read, and may need it`);
  return step(found, `${since}, longer than ${formatDuration(age)}`);
}

const NOBODY: Users = { count: 0, named: [] };

function neededText(users: Users): string {
  return users.count > 0 ? `; needed by ${usersText(users)}` : "";
}

/** A date that was announced is never brought forward: somebody may have planned with it. */
function dueAt(image: Image, state: State, entered: Instant, age: number): Instant {
  const due = plus(entered, age);
  const announced = state === "DELETED" ? undefined : dateOf(image.deprecated?.[DATE_OF[next(state)]]);
  return announced !== undefined && announced > due ? announced : due;
}

/** Nobody recorded when it entered its state, so its age counts from now. */
function undated(found: Case): Decision {
  const { image, state, head, now, policy } = found;
  if (state === "ACTIVE") return keep("not-ready", "when it was made cannot be read");
  const status = statusAt(image, state, head, policy.rotate, now);
  const until = plus(now, policy.rotate[AGE_OF[state]] ?? 0);
  return {
    do: "state",
    to: state,
    status,
    why: `nothing says since when it is ${state}: its age counts from now`,
    until,
  };
}

function step({ image, state, head, policy, now }: Case, why: string): Decision {
  if (state === "DELETED") return { do: "delete", why };
  const to = next(state);
  const status = statusAt(image, to, head, policy.rotate, now);
  const age = policy.rotate[AGE_OF[to]];
  const until = age === null ? undefined : dueAt({ ...image, deprecated: status }, to, now, age);
  return { do: "state", to, status, why, ...(until !== undefined && { until }) };
}

function keep(rule: KeepRule, why: string, until?: Instant): Decision {
  return { do: "keep", rule, why, ...(until !== undefined && { until }) };
}

/** Of images made in the same instant, the one with the larger id: a total order, so that two looks agree. */
function newestFirst(a: Image, b: Image): number {
  const [x, y] = [enteredOf(a, "ACTIVE") ?? "", enteredOf(b, "ACTIVE") ?? ""];
  if (x !== y) return x < y ? 1 : -1;
  return b.id.length - a.id.length || (a.id < b.id ? 1 : -1);
}

function day(at: Instant): string {
  return at.slice(0, 10);
}
