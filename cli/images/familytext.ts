import { AGE_FIELDS, type FamilyPolicy } from "../../functions/core/images/policy.ts";
import { formatDuration } from "../../functions/core/instants.ts";

const STEPS = {
  deprecate: ["ACTIVE", "becomes DEPRECATED"],
  obsolete: ["DEPRECATED", "becomes OBSOLETE"],
  delete: ["OBSOLETE", "becomes DELETED"],
  remove: ["DELETED", "is deleted"],
} as const;

/** A family's policy in sentences. */
export function familyText({ family, project, rotate, retain, consumers }: FamilyPolicy): string {
  const lines = AGE_FIELDS.map((field) => {
    const [from, what] = STEPS[field];
    const age = rotate[field];
    return age === null
      ? `an image that is ${from} stays so`
      : `an image that has been ${from} for ${formatDuration(age)} ${what}`;
  });
  return [
    `family ${family} of ${project}`,
    ...lines,
    `${retain === 1 ? "the newest ACTIVE image stays" : `the newest ${retain} ACTIVE images stay`} ACTIVE`,
    consumers.length > 0
      ? `nothing goes past DEPRECATED that ${consumers.join(", ")}, a fleet or ${project} needs`
      : `nothing goes past DEPRECATED that a fleet or ${project} needs`,
  ]
    .map((line, i) => `${i > 0 ? "  " : ""}${line}\n`)
    .join("");
}
