import type { Reader } from "../findings.ts";
import { parseDuration } from "../instants.ts";
import { DEFAULTS } from "../policy.ts";

export const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
export const NAME_FORM = "a Compute Engine name (lower-case letters, digits and dashes, starting with a letter)";

export const PROJECT = /^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$/;

export const ZONE = /^[a-z]+-[a-z]+\d+-[a-z]$/;
export const REGION = /^[a-z]+-[a-z]+\d+$/;

export const SECRET_ID = /^[A-Za-z0-9_-]{1,255}$/;
export const REF = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;
export const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

/** A year: longer than anything a rollout can wait for, short enough that every instant counted from it exists. */
const LONGEST_MS = 365 * 86_400_000;

export function readProject(reader: Reader, value: unknown, path: string, fallback: string): string | undefined {
  return value === undefined ? fallback : reader.text(value, path, PROJECT, "a project id");
}

/** Milliseconds. `shortest` is 0 where "not at all" makes sense. */
export function readDuration(
  reader: Reader,
  value: unknown,
  path: string,
  fallback: number,
  shortest: 0 | 1 = 0,
): number {
  if (value === undefined) return fallback;
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (ms === undefined) reader.note(path, "bad-value", `"${path}" must be a duration such as 90s, 5m, 2h or 1d`);
  else if (ms > LONGEST_MS) reader.note(path, "bad-value", `"${path}" must be at most 365d`);
  else if (ms < shortest) reader.note(path, "bad-value", `"${path}" must be longer than nothing, e.g. 5m`);
  else return ms;
  return fallback;
}

/** Longer would keep a rotated secret from its machines for no gain. */
const LONGEST_SETTLE_MS = 600_000;

export function readSettle(reader: Reader, value: unknown): number {
  const ms = readDuration(reader, value, "settle", DEFAULTS.settleMs);
  if (ms <= LONGEST_SETTLE_MS) return ms;
  reader.note("settle", "bad-value", `"settle" must be at most 10m`);
  return DEFAULTS.settleMs;
}

/** `25%` → 0.25; undefined when it is no percentage from 1% to 100%. */
export function shareOf(value: unknown): number | undefined {
  const found = typeof value === "string" ? /^([1-9]\d?|100)%$/.exec(value) : null;
  return found ? Number(found[1]) / 100 : undefined;
}
