import { exits, Failure } from "./outcome.ts";
import { realDisk } from "./place/disk.ts";
import type { Shown } from "./print.ts";
import { readSeal } from "./seal/seal.ts";
import { type Difference, differences } from "./seal/verify.ts";

/** Compares the disk with its seal, without any request. */
export function verifySeal(root: string): Difference[] {
  const seal = readSeal(realDisk, root);
  if (!seal) throw new Failure("seal-broken", "There is no seal: this machine was not configured");
  return differences(realDisk, root, seal);
}

export function showDifferences(found: readonly Difference[]): Shown {
  const exit = found.length > 0 ? exits["seal-broken"] : 0;
  const lines = exit === 0 ? ["the seal holds"] : found.map(({ path, what }) => `${path} differs: ${what}`);
  return { exit, lines, document: { holds: exit === 0, differences: found } };
}
