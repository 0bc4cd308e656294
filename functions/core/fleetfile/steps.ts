import type { Reader } from "../findings.ts";
import { DEFAULTS, type Step } from "../policy.ts";
import { readDuration, shareOf } from "./forms.ts";

export function readSteps(reader: Reader, value: unknown): Step[] {
  if (value === undefined) return DEFAULTS.steps;
  if (!Array.isArray(value) || value.length === 0) {
    reader.note("steps", "wrong-type", `"steps" must be a list such as [{ canary: 1, bake: 5m }, { share: 100% }]`);
    return [];
  }
  const steps = value.flatMap((entry: unknown, i): Step[] => readStep(reader, entry, i, value.length));
  if (steps.length === value.length) checkOrder(reader, steps);
  return steps;
}

function readStep(reader: Reader, entry: unknown, i: number, count: number): Step[] {
  const path = `steps[${i}]`;
  const step = reader.object(entry, path, ["canary", "share", "bake", "approval"]);
  if (!step) return [];
  const bakeMs = readDuration(reader, step.bake, `${path}.bake`, 0);
  const approval = reader.yes(step.approval, `${path}.approval`);
  if (approval && i === count - 1)
    reader.note(
      `${path}.approval`,
      "bad-value",
      `"${path}.approval" asks before the step that follows, and none does: put it on the step before, or add approval to gates`,
    );
  const more = { bakeMs, ...(approval && { approval: true as const }) };
  if ((step.canary === undefined) === (step.share === undefined)) {
    reader.note(path, "bad-value", `"${path}" must have either canary (a number of machines) or share (a percentage)`);
    return [];
  }
  if (step.canary !== undefined) {
    if (i > 0) reader.note(`${path}.canary`, "bad-value", `only the first step can be a canary`);
    const canary = reader.whole(step.canary, `${path}.canary`, 1);
    return canary === undefined ? [] : [{ canary, ...more }];
  }
  const share = shareOf(step.share);
  if (share === undefined)
    reader.note(`${path}.share`, "bad-value", `"${path}.share" must be a percentage from 1% to 100%`);
  return share === undefined ? [] : [{ share, ...more }];
}

function checkOrder(reader: Reader, steps: Step[]): void {
  const shares = steps.flatMap((step) => ("share" in step ? [step.share] : []));
  if (shares.at(-1) !== 1) reader.note("steps", "bad-value", `the last step must be share: 100%`);
  if (shares.some((share, i) => i > 0 && share <= (shares[i - 1] ?? 0)))
    reader.note("steps", "bad-value", `shares are cumulative, so each must be larger than the one before`);
}
