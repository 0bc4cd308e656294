import type { Edge } from "../edge/deadline.ts";
import type { Reason } from "../outcome.ts";
import type { Verdict } from "../report/compose.ts";
import type { Seal } from "../seal/seal.ts";
import { becomesReady, describeReady } from "./ready.ts";

/** Asks for readiness as long as the seal says, and puts in words how the boot of a sealed machine ends. */
export async function judge(
  { ready, units, files }: Pick<Seal, "ready" | "units" | "files">,
  root: string,
  edge: Edge,
  unverified: boolean,
): Promise<Verdict & { reason: Reason }> {
  const who = units.join(", ") || "the machine";
  if (ready && !(await becomesReady(ready, root, edge)))
    return {
      verdict: "failed",
      reason: "not-ready",
      message: `${who} ${units.length > 1 ? "do" : "does"} not answer on ${describeReady(ready)} within ${ready.withinMs / 1_000} s`,
    };
  const message = ready
    ? `${who} ${units.length > 1 ? "answer" : "answers"} on ${describeReady(ready)}`
    : `${files.length} files sealed`;
  return unverified
    ? { verdict: "unverified", reason: "unverified", message: `metadata server away, the seal holds; ${message}` }
    : { verdict: "ready", reason: "ready", message };
}
