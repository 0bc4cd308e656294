import { Failure, type Reason } from "../outcome.ts";
import type { Deadline, Edge } from "./deadline.ts";

/** A failure that may pass by itself. Anything else thrown by an attempt ends the retrying. */
export class Passing extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

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
 * below the exponential bound, so that a fleet that boots together does not ask together. `Retry-After` is honoured
 * as far as it leaves time for a last attempt.
 */
export async function retrying<T>(
  what: string,
  lost: Reason,
  policy: RetryPolicy,
  edge: Edge,
  deadline: Deadline,
  attempt: (timeoutMs: number, number: number) => Promise<T>,
): Promise<T> {
  const started = edge.now();
  for (let number = 0; ; number++) {
    try {
      return await attempt(Math.min(policy.tryMs, deadline.left()), number);
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      edge.say(`${what}: attempt ${number + 1} after ${Math.round(edge.now() - started)} ms: ${error.message}`);
      const left = deadline.left();
      if (left < leastTryMs) throw new Failure(lost, `${what}: ${number + 1} attempts, the last one: ${error.message}`);
      const wait = Math.max(error.retryAfterMs, edge.random() * Math.min(policy.capMs, policy.firstMs * 2 ** number));
      await edge.sleep(Math.min(wait, Math.max(left - 1_000, left / 2)));
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
