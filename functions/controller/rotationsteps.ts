import { type State, stateOf } from "../core/images/dates.ts";
import type { Decided, Decision } from "../core/images/rotation.ts";
import type { Compute } from "../google/compute.ts";
import { isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";
import { requestIdOf } from "./collection.ts";
import type { FamilyRotation } from "./rotation.ts";

export type Step = Exclude<Decision, { do: "keep" }>;

/** `changed`: it was no longer as it had been looked at, and is left for the next run. `left`: not tried. */
export interface StepOutcome {
  image: string;
  from: State | undefined;
  step: Step;
  outcome: "done" | "changed" | "failed" | "left";
  /** Why, where it is not done. */
  why?: string;
}

/** Steps of a family at a time: Compute answers each after seconds. */
const TOGETHER = 8;

/**
 * Takes the steps that were decided for a family. Each looks at its image once more, so that one that somebody changed meanwhile
 * is left alone, and is made with a request id of its own, so that a run that died may be repeated at once.
 *
 * @param goOn asked before each step
 */
export async function takeSteps(
  cloud: Cloud,
  { policy, rotation }: FamilyRotation,
  told: (outcome: StepOutcome) => void = () => {},
  goOn: () => boolean = () => true,
): Promise<StepOutcome[]> {
  const compute = cloud.compute(policy.project);
  const heads = new Set(rotation.heads.map(({ id }) => id));
  // Oldest first: what is cut off by the end of a run is what has waited least.
  const queue = stepsOf(rotation.images).reverse();
  const outcomes: StepOutcome[] = [];
  let stopped: string | undefined;
  const turn = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { image, state, step } = next;
      if (!goOn()) stopped ??= "the time of this run was up";
      const outcome =
        stopped === undefined
          ? await take(compute, policy.family, heads, next)
          : { outcome: "left" as const, why: stopped };
      // Without the right, or while Google is busy, the rest would only fail as well.
      if ("stops" in outcome) stopped ??= outcome.why;
      const said: StepOutcome = {
        image: image.name,
        from: state,
        step,
        outcome: outcome.outcome,
        ...(outcome.why !== undefined && { why: outcome.why }),
      };
      outcomes.push(said);
      told(said);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, turn));
  return outcomes;
}

type Planned = Omit<Decided, "decision"> & { step: Step };

export function stepsOf(images: readonly Decided[]): Planned[] {
  return images.flatMap(({ image, state, decision }) =>
    decision.do === "keep" ? [] : [{ image, state, step: decision }],
  );
}

interface Taken {
  outcome: "done" | "changed" | "failed";
  why?: string;
  stops?: true;
}

async function take(compute: Compute, family: string, heads: Set<string>, planned: Planned): Promise<Taken> {
  const { image, state, step } = planned;
  const { name } = image;
  try {
    const changed = await changedSince(compute, family, heads, planned);
    if (changed !== undefined) return { outcome: "changed", why: changed };
    const to = step.do === "delete" ? "gone" : step.to;
    const entered = state === "ACTIVE" ? "" : JSON.stringify(image.deprecated);
    const requestId = requestIdOf(`rotate:${image.id}:${state}:${entered}:${to}`);
    if (step.do === "delete") await compute.deleteImage(name, requestId);
    else await compute.waitFor(await compute.deprecateImage(name, step.status, requestId));
    return { outcome: "done" };
  } catch (problem) {
    if (!isFailure(problem)) throw problem;
    const stops = problem.kind === "denied" || problem.kind === "unavailable";
    return { outcome: "failed", why: problem.message, ...(stops && { stops }) };
  }
}

/** Why a step must not be taken any more; undefined while it may. */
async function changedSince(
  compute: Compute,
  family: string,
  heads: Set<string>,
  { image, state }: Planned,
): Promise<string | undefined> {
  const now = await compute.image(image.name);
  if (!now) return "it is gone";
  const same =
    now.id === image.id &&
    now.family === image.family &&
    now.status === image.status &&
    stateOf(now) === state &&
    JSON.stringify(now.deprecated ?? {}) === JSON.stringify(image.deprecated ?? {});
  if (!same) return "somebody changed it meanwhile";
  // Only an ACTIVE image can be what the family points to, also when the one before it was deprecated a moment ago.
  if (state !== "ACTIVE") return undefined;
  const head = await compute.head(family);
  return head && heads.has(head.id) ? undefined : "the family points to another image than before";
}
