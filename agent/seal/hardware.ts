import { readFileSync } from "node:fs";
import type { Seal } from "./seal.ts";

/** The UUID that the firmware gives this machine; empty where it gives none or it may not be read. */
export function hardwareOf(root: string): string {
  try {
    return readFileSync(`${root}/sys/class/dmi/id/product_uuid`, "latin1").trim();
  } catch {
    return "";
  }
}

/** Whether this is plainly another machine than the one that was sealed. Where either is not known, it is not plain. */
export function isElsewhere({ hardware }: Pick<Seal, "hardware">, root: string): boolean {
  const now = hardwareOf(root);
  return now !== "" && hardware !== "" && now !== hardware;
}
