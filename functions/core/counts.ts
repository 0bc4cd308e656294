import type { Step } from "./policy.ts";
import { wantedCount } from "./wanted.ts";

/** New machines that each step asks of a group of that size, as if its size stayed. Cumulative. */
export function counts(steps: readonly Step[], size: number): number[] {
  let asked = 0;
  return steps.map((step) => {
    asked = wantedCount(step, size, asked);
    return asked;
  });
}

/** No step makes more machines above the group's size than it replaces. */
export function mostAbove(above: number, cumulative: readonly number[]): number {
  const steps = cumulative.map((count, i) => count - (cumulative[i - 1] ?? 0));
  return Math.min(above, Math.max(0, ...steps));
}
