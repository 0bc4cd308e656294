import type { Sha256 } from "./canonical.ts";
import type { Instant } from "./instants.ts";

/** What a decision may know beside the record and the observation. */
export interface Context {
  now: Instant;
  sha256: Sha256;
  /** Where instances report and read their configuration; goes into `moult-release`. */
  places: { reportsBucket: string; reportsTopic: string; configBucket: string };
}

/**
 * A UUID made from a text, so that repeating a change after a crash repeats its request id and Compute answers with the
 * first operation instead of making a second.
 */
export function requestId(context: Context, text: string): string {
  const hex = context.sha256(text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
