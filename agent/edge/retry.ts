import { Failure, type Reason } from "../outcome.ts";
import type { Deadline, Edge } from "./deadline.ts";

/** A failure that may pass by itself. Anything else thrown by an attempt ends the retrying. */
export class Passing extends Error {
  readonly retryAfterMs: number;
  /** Why it failed, when it does not pass in time and the caller's own reason says less. */
  readonly reason: Reason | undefined;

  constructor(message: string, retryAfterMs = 0, reason?: Reason) {
    super(message);
    this.retryAfterMs = retryAfterMs;
    this.reason = reason;
  }
}

/** A failure that asking again does not help. */
export class Refused extends Error {}

/** What it is called when a thing did not come in time, and when it was refused. */
const refusals = {
  "metadata-unreachable": "metadata-refused",
  "config-unreachable": "config-refused",
  "secret-unreachable": "secret-refused",
} as const satisfies Partial<Record<Reason, Reason>>;
export type Lost = keyof typeof refusals;

export interface RetryPolicy {
  firstMs: number;
  capMs: number;
  /** For one attempt. */
  tryMs: number;
}

export const metadataRetry: RetryPolicy = { firstMs: 100, capMs: 2_000, tryMs: 3_000 };
export const apiRetry: RetryPolicy = { firstMs: 250, capMs: 8_000, tryMs: 10_000 };

/** Less than this is no time for an attempt. */
const leastTryMs = 20;

/**
 * Attempts until one succeeds, one fails for good, or the deadline passes. Waits are drawn from the whole interval
 * below the exponential bound, so that a fleet that boots together does not ask together. `Retry-After` is honoured; where
 * a wait would leave no time for an attempt, it is cut short for a last one, not for a storm of them.
 */
export async function retrying<T>(
  what: string,
  lost: Lost,
  policy: RetryPolicy,
  edge: Edge,
  deadline: Deadline,
  attempt: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  const started = edge.now();
  let last = false;
  for (let number = 0; ; number++) {
    try {
      return await attempt(Math.min(policy.tryMs, deadline.left()));
    } catch (error) {
      if (error instanceof Refused) throw new Failure(refusals[lost], `${what}: ${error.message}`);
      if (!(error instanceof Passing)) throw error;
      edge.say(`${what}: attempt ${number + 1} after ${Math.round(edge.now() - started)} ms: ${error.message}`);
      const left = deadline.left();
      if (last || left < leastTryMs)
        throw new Failure(error.reason ?? lost, `${what}: ${number + 1} attempts, the last one: ${error.message}`);
      const wait = Math.max(error.retryAfterMs, edge.random() * Math.min(policy.capMs, policy.firstMs * 2 ** number));
      const room = Math.max(left - 1_000, left / 2);
      last = wait >= room;
      await edge.sleep(Math.min(wait, room));
    }
  }
}

/** `Retry-After` in ms: seconds, or an HTTP date measured against the same answer's `Date` (our own clock may be off). */
export function retryAfterMs(headers: { [name: string]: string | undefined }): number {
  const text = headers["retry-after"]?.trim();
  if (!text) return 0;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const wait = Date.parse(text) - Date.parse(headers.date ?? "");
  return Number.isFinite(wait) ? Math.max(0, wait) : 0;
}

/** Statuses that pass by themselves. */
export const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500;
