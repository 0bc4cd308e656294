import type { Effect } from "../core/effects.ts";
import { groupKey, type Policy } from "../core/policy.ts";
import { isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";
import { paths } from "./records.ts";

export interface Acted {
  /** How many effects were done. */
  done: number;
  /** What Google said to the one it refused; what could depend on it was not tried. */
  refusal?: string;
  /** Google is busy or away: asking again at once would only make that worse. */
  later?: true;
}

/**
 * Does the effects of a saved decision, in order, each at most once. Stops at the first that fails: what came after may
 * depend on it, and the next look decides anew. `stillMine` is asked before every change of the cloud, so that whoever
 * slept through an abort does nothing.
 */
export async function act(
  cloud: Cloud,
  fleet: string,
  policy: Policy | null,
  effects: Effect[],
  stillMine: () => Promise<boolean>,
): Promise<Acted> {
  let done = 0;
  let refusal: string | undefined;
  for (const effect of effects) {
    const changes = effect.kind === "patch-group" || effect.kind === "insert-template";
    if (changes && !(await stillMine())) {
      cloud.log("INFO", `${effect.kind} left undone: somebody else has decided since`, { word: "overtaken", fleet });
      return { done };
    }
    try {
      await perform(cloud, fleet, policy, effect);
      done += 1;
    } catch (problem) {
      if (effect.kind === "keep-evidence") {
        cloud.log("WARNING", `evidence of ${effect.machine} could not be kept: ${(problem as Error).message}`, {
          word: "evidence-lost",
          fleet,
        });
        continue;
      }
      // A command that was applied stays applied; what it asked for must not wait for its object.
      if (effect.kind === "delete-command" && isFailure(problem)) {
        cloud.log("WARNING", `${effect.name} stays: ${problem.message}`, { word: problem.kind, fleet });
        refusal = problem.message;
        continue;
      }
      // A fingerprint that no longer matches: the group changed since the look, so look again.
      if (isFailure(problem, "conflict", "unavailable")) {
        cloud.log("INFO", `${effect.kind}: ${problem.message}`, { word: problem.kind, fleet });
        return { done, ...(problem.kind === "unavailable" && { later: true }) };
      }
      if (isFailure(problem)) {
        cloud.log("ERROR", `${effect.kind}: ${problem.message}`, { word: problem.kind, fleet });
        return { done, refusal: problem.message };
      }
      throw problem;
    }
  }
  return { done, ...(refusal !== undefined && { refusal }) };
}

async function perform(cloud: Cloud, fleet: string, policy: Policy | null, effect: Effect): Promise<void> {
  if (effect.kind === "delete-command") {
    await cloud.state.delete(effect.name);
    return;
  }
  const place = policy?.groups.find((ref) => groupKey(ref) === effect.group);
  if (!policy || !place) throw new Error(`${effect.kind} for a group the fleet does not have: ${effect.group}`);
  const compute = cloud.compute(policy.project);
  switch (effect.kind) {
    case "insert-template":
      try {
        const description = `made by moult for ${fleet} in ${effect.group}`;
        await compute.insertTemplate(
          { name: effect.name, description, properties: effect.properties },
          effect.requestId,
        );
      } catch (problem) {
        // The name says what it holds; the next look compares.
        if (!isFailure(problem, "exists")) throw problem;
      }
      break;
    case "patch-group":
      await compute.patchGroup(
        place,
        { fingerprint: effect.fingerprint, versions: effect.versions, updatePolicy: effect.updatePolicy },
        effect.requestId,
      );
      break;
    case "keep-evidence": {
      const serial = await compute.serialOutput(place.zone, effect.machine);
      const evidence = {
        machine: effect.machine,
        group: effect.group,
        rollout: effect.rollout,
        why: effect.why,
        serial: serial.slice(-65_536),
      };
      await cloud.state.write(
        paths.evidence(fleet, effect.rollout, effect.machine),
        JSON.stringify(evidence, null, 1),
        "0",
      );
      break;
    }
  }
}
