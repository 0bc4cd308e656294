import type { Decided } from "../core/images/rotation.ts";
import type { Cloud } from "./cloud.ts";
import { type FamilyRotation, planRotation } from "./rotation.ts";
import { type StepOutcome, takeSteps } from "./rotationsteps.ts";

/** Less than a message has until it is delivered again. What is left then is found by the next day's run. */
const LONGEST_MS = 5 * 60_000;

const OUTCOMES = {
  done: { severity: "INFO", word: "image-rotated" },
  changed: { severity: "INFO", word: "image-changed" },
  failed: { severity: "WARNING", word: "image-not-rotated" },
  left: { severity: "INFO", word: "image-not-rotated" },
} as const;

/** Rotates every family that has a policy; each step and each keep is a line of the log. No family waits for another's trouble. */
export async function rotateDaily(cloud: Cloud): Promise<void> {
  const until = cloud.time.now() + LONGEST_MS;
  const { families, broken } = await planRotation(cloud);
  for (const { project, family, why } of broken)
    cloud.log("ERROR", `${why}. Its images stay as they are`, { word: "family-unreadable", project, family });
  for (const found of families) {
    const { project, family } = found.policy;
    for (const unread of found.unread)
      cloud.log("WARNING", `${unread} could not be read: no image of family ${family} goes past DEPRECATED`, {
        word: "references-unread",
        project,
        family,
      });
    for (const decided of found.rotation.images) logKeep(cloud, found, decided);
    await takeSteps(
      cloud,
      found,
      (outcome) => logStep(cloud, found, outcome),
      () => cloud.time.now() < until,
    );
  }
}

function logKeep(
  cloud: Cloud,
  { policy: { project, family } }: FamilyRotation,
  { image, state, decision }: Decided,
): void {
  if (decision.do !== "keep") return;
  const { rule, why, until } = decision;
  cloud.log(rule === "stranded" ? "WARNING" : "DEBUG", `image ${image.name} stays as it is: ${why}`, {
    word: "image-kept",
    rule,
    project,
    family,
    image: image.name,
    ...(state !== undefined && { state }),
    ...(until !== undefined && { until }),
  });
}

function logStep(cloud: Cloud, { policy: { project, family } }: FamilyRotation, said: StepOutcome): void {
  const { image, from, step, outcome, why } = said;
  const { severity, word } = OUTCOMES[outcome];
  const to = step.do === "delete" ? "deleted" : step.to;
  const text =
    outcome === "done"
      ? `image ${image} ${step.do === "delete" ? "is deleted" : `is ${to}`}: ${step.why}`
      : `image ${image} should become ${to} and is as it was: ${why}`;
  cloud.log(severity, text, { word, project, family, image, ...(from !== undefined && { from }), to });
}
