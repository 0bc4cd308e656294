import { renderSealed } from "../seal/kept.ts";
import type { Seal } from "../seal/seal.ts";

/** The variables a command gets, on top of those the agent itself was started with. */
export function environmentOf(
  { environment }: Pick<Seal, "environment">,
  secrets: ReadonlyMap<string, Buffer>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([name, kept]) => [name, renderSealed(kept, secrets)]));
}
