import { canonicalJson, sha256 } from "../../agent/plan/pack.ts";
import { Damaged } from "./damage.ts";
import { DIGEST } from "./objects.ts";

/** Where a ref stands, and since when. */
export interface RefPlace {
  commit: string;
  /** When it was moved there, RFC 3339 in UTC. */
  moved: string;
  by: string;
}

/** A named pointer to a commit. The only object of the store that changes, and the only one whose change is an event. */
export interface Ref extends RefPlace {
  /** Where it stood before, newest first, at most `KEPT_PLACES`. */
  previous: RefPlace[];
}

export const KEPT_PLACES = 50;

/** `web/prod`: parts of letters, digits and `._-`, each beginning with a letter or digit. */
export const REF_NAME = /^(?=.{1,200}$)[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;

/** `check` is the sha256 of the canonical JSON of the rest: a flipped bit must not move a fleet. */
export function refText(ref: Ref): string {
  const { by, commit, moved, previous } = ref;
  const rest = { by, commit, moved, previous };
  return canonicalJson({ ...rest, check: sha256(canonicalJson(rest)) });
}

/** The ref after a move, which keeps where it stood. */
export function moveRef(ref: Ref | undefined, to: RefPlace): Ref {
  const { commit, moved, by } = ref ?? to;
  const before = ref ? [{ commit, moved, by }, ...ref.previous] : [];
  return { ...to, previous: before.slice(0, KEPT_PLACES) };
}

/** Throws `Damaged` unless the text is exactly what `refText` writes. */
export function readRef(object: string, bytes: Buffer): Ref {
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Damaged(object, "it is not JSON");
  }
  if (!isRef(value)) throw new Damaged(object, "it is not a ref");
  if (refText(value) !== text) throw new Damaged(object, "its check does not hold");
  return { commit: value.commit, moved: value.moved, by: value.by, previous: value.previous };
}

function isRef(value: unknown): value is Ref {
  return isPlace(value) && "previous" in value && Array.isArray(value.previous) && value.previous.every(isPlace);
}

function isPlace(value: unknown): value is RefPlace {
  return (
    typeof value === "object" &&
    value !== null &&
    "commit" in value &&
    typeof value.commit === "string" &&
    DIGEST.test(value.commit) &&
    "moved" in value &&
    typeof value.moved === "string" &&
    !Number.isNaN(Date.parse(value.moved)) &&
    "by" in value &&
    typeof value.by === "string"
  );
}
