import type { Problem } from "../core/observation.ts";
import { type Failure, isFailure } from "../google/failure.ts";

/** A refusal or an absence becomes part of what was seen; anything passing is thrown, and the look is tried again. */
export async function orProblem<T>(what: string, read: Promise<T | undefined>): Promise<T | Problem> {
  try {
    return (await read) ?? { problem: "missing", text: `${what} does not exist` };
  } catch (problem) {
    if (isFailure(problem, "missing")) return { problem: "missing", text: `${what} does not exist` };
    if (isFailure(problem, "denied", "invalid"))
      return { problem: "denied", text: `${what} cannot be read: ${(problem as Failure).message}` };
    throw problem;
  }
}

/** Of a JSON text that somebody else may have written: what is none has no members, and does not stop the look. */
export function member(text: string, name: string): unknown {
  try {
    return (JSON.parse(text) as Record<string, unknown> | null)?.[name];
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
