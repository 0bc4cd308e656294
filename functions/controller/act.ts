import type { Effect } from "../core/effects.ts";
import { groupKey, type Policy } from "../core/policy.ts";
import { isFailure } from "../google/failure.ts";
import { takeLease } from "./budgets.ts";
import type { Cloud } from "./cloud.ts";
import { keepEvidence } from "./evidence.ts";
import { publish } from "./publishing.ts";

export interface Acted {
  /** How many effects were done. */
  done: number;
  /** What Google said to the one it refused; what could depend on it was not tried. */
  refusal?: string;
  /** Google is busy or away, in its own words: asking again at once would only make that worse. */
  busy?: string;
  /** The shared budget has no room any more: the next look sees who has it. What came after was not tried. */
  noRoom?: string;
}

/** What begins or changes something outside the fleet's own objects. Undone by nobody, so it is not done by a sleeper. */
const CHANGES = new Set<Effect["kind"]>(["insert-template", "patch-group", "patch-autoscaler", "lease"]);

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
    if (CHANGES.has(effect.kind) && !(await stillMine())) {
      cloud.log("INFO", `${effect.kind} left undone: somebody else has decided since`, { word: "overtaken", fleet });
      return { done };
    }
    try {
      const noRoom = await perform(cloud, fleet, policy, effect);
      if (noRoom !== undefined) {
        cloud.log("INFO", noRoom, { word: "budget", fleet });
        return { done, noRoom };
      }
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
        return { done, ...(problem.kind === "unavailable" && { busy: problem.message }) };
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

/** Returns why there is no room, for a lease that does not fit. */
async function perform(
  cloud: Cloud,
  fleet: string,
  policy: Policy | null,
  effect: Effect,
): Promise<string | undefined> {
  if (effect.kind === "delete-command") {
    await cloud.state.delete(effect.name);
    return undefined;
  }
  if (effect.kind === "publish") {
    await publish(cloud, fleet, effect.images);
    return undefined;
  }
  if (!policy) throw new Error(`${effect.kind} for a fleet without a fleet file: ${fleet}`);
  if (effect.kind === "lease") return takeLease(cloud, fleet, policy, effect);
  await performInGroup(cloud, fleet, policy, effect);
  return undefined;
}

type InGroup = Extract<Effect, { group: string }>;

async function performInGroup(cloud: Cloud, fleet: string, policy: Policy, effect: InGroup): Promise<void> {
  const place = policy.groups.find((ref) => groupKey(ref) === effect.group);
  if (!place) throw new Error(`${effect.kind} for a group the fleet does not have: ${effect.group}`);
  const compute = cloud.compute(policy.project);
  switch (effect.kind) {
    case "insert-template":
      try {
        const description = `${MADE_BY} for ${fleet} in ${effect.group}`;
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
    case "patch-autoscaler":
      await compute.setAutoscalerMode(place, effect.name, effect.mode, effect.requestId);
      break;
    case "keep-evidence":
      await keepEvidence(cloud, fleet, compute, place, effect);
      break;
  }
}

/** How the description of each template begins that moult made: only these are ever collected. */
export const MADE_BY = "made by moult";
