import type { VerifyOptions } from "../commandline.ts";
import type { Edge } from "../edge/deadline.ts";
import { Failure } from "../outcome.ts";
import { bootAtWork } from "../place/claim.ts";
import { realDisk } from "../place/disk.ts";
import { tellOutside } from "../report/outside.ts";
import { readSeal } from "../seal/seal.ts";
import { type Difference, differences } from "../seal/verify.ts";
import { stopUnits } from "../settle/settle.ts";
import { isNews, tellDrift } from "./report.ts";

/**
 * `moult-agent verify --report`, for a timer. What drifted is stopped first, when the manifest says so, and at each run while it
 * lasts: nothing outside has to be reached for that. Then others are told, once for each change; what cannot be told is tried again at the next run.
 * Beside a boot it does nothing: what is half placed is no drift.
 */
export async function verifyAndTell(options: VerifyOptions, edge: Edge, at: string): Promise<Difference[]> {
  const { root } = options;
  const boot = bootAtWork({ disk: realDisk, root });
  if (boot !== undefined) {
    edge.say(`a boot is at work (process ${boot}), and compares this machine itself`);
    return [];
  }
  const seal = readSeal(realDisk, root);
  if (!seal) throw new Failure("seal-broken", "There is no seal");
  const found = differences(realDisk, root, seal);
  if (found.length > 0 && seal.drift?.action === "stop") {
    const trouble = stopUnits(seal, root);
    edge.say(trouble ?? `stopped, for this machine drifted: ${seal.units.join(", ")}`);
  }
  try {
    if (isNews(root, found))
      await tellOutside(options, edge, seal, (outside) => tellDrift(found, seal, root, at, outside));
  } catch (error) {
    // What differs is to be seen on the machine, whoever else can be told.
    if (!(error instanceof Failure)) throw error;
    edge.say(`report: ${error.message}`);
  }
  return found;
}
