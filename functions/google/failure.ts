export type FailureKind = "missing" | "denied" | "conflict" | "exists" | "invalid" | "unavailable";

/** What went wrong with a call to Google, in the few kinds that make a difference to the caller. */
export class Failure extends Error {
  readonly kind: FailureKind;
  /** HTTP status, or the gRPC code's HTTP twin; 0 when no answer came. */
  readonly status: number;

  constructor(kind: FailureKind, status: number, what: string, cause: unknown) {
    super(`${what}: ${sentence(cause)}`, { cause });
    this.kind = kind;
    this.status = status;
  }
}

function sentence(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/**
 * By status and reason. A 403 for too many requests is `unavailable`: it goes away (Compute writes rateLimitExceeded that way).
 * A fingerprint or generation that no longer matches is a `conflict`: never repeated, always looked at anew.
 */
export function kindOf(status: number, reason = ""): FailureKind {
  if (status === 404) return "missing";
  if (status === 403) return /rateLimitExceeded|quotaExceeded/i.test(reason) ? "unavailable" : "denied";
  if (status === 401) return "denied";
  if (status === 412) return "conflict";
  if (status === 409) return /alreadyExists/.test(reason) ? "exists" : "conflict";
  if (status === 400 && /resourceNotReady/.test(reason)) return "unavailable";
  if (status === 0 || status === 408 || status === 429 || status >= 500) return "unavailable";
  return "invalid";
}

export function isFailure(problem: unknown, ...kinds: FailureKind[]): problem is Failure {
  return problem instanceof Failure && (kinds.length === 0 || kinds.includes(problem.kind));
}
