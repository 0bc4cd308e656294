import { nameOf } from "../../functions/controller/families.ts";
import { type FamilyRotation, planRotation } from "../../functions/controller/rotation.ts";
import { type StepOutcome, stepsOf, takeSteps } from "../../functions/controller/rotationsteps.ts";
import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { namedIn } from "../images/named.ts";
import { rotationText } from "../images/rotationtext.ts";
import { type RotationView, viewOfRotation } from "../images/rotationview.ts";
import type { Stream } from "../terminal/terminal.ts";

const { project, "state-bucket": stateBucket } = CLOUD_FLAGS;

export const command: Command = {
  name: "image rotate",
  summary: "say which images move towards deletion, which stay and why; --apply does it",
  words: [{ name: "FAMILY", optional: true }],
  flags: {
    family: { value: "F", many: true, help: "more families" },
    apply: { help: "take the steps, with your own rights; without this nothing is changed" },
    project,
    "state-bucket": stateBucket,
    ...JSON_FLAG,
  },
  details: `Looks at every family that has a policy (moult family apply), or at those named; FAMILY may be PROJECT/FAMILY. The functions do the
same once a day. An image moves one state at a time; what a family points to is never touched, and nothing that is needed, or may be
needed by what could not be read, goes past DEPRECATED. docs/image-rotation.md explains every reason.
Exits with 1 when a step failed, and with 3 when a family could not be read.`,
  examples: ["moult image rotate", "moult image rotate web --apply"],
  run: async (given, { out, err, env }) => {
    const cloud = openCloud(given, env);
    const words = [...given.words, ...given.list("family")];
    const asked = words.map((word) => namedIn(word, "a family", cloud.settings.project));
    const named = words.map((word, i) => ({
      word,
      any: !word.includes("/"),
      ...(asked[i] ?? { project: "", name: "" }),
    }));
    // A family's name alone means it in whatever project it has a policy for.
    const plan = await planRotation(
      cloud,
      (name) =>
        named.length === 0 ||
        named.some((each) => each.name === name.family && (each.any || each.project === name.project)),
    );
    const known = [...plan.families.map(({ policy }) => policy), ...plan.broken];
    for (const { word, any, name, project: of } of named)
      if (!known.some((each) => each.family === name && (any || each.project === of)))
        throw new CliError(
          EXIT.absent,
          `family ${word} has no policy, so nothing rotates it`,
          "Write a family file (docs/image-rotation.md) and give it to moult family apply.",
        );
    const outcomes = given.has("apply")
      ? await applyAll(plan.families, (found, told) => takeSteps(cloud, found, told), err)
      : undefined;
    const view = viewOfRotation(plan, outcomes);
    if (given.has("json")) out.write(`${JSON.stringify(view)}\n`);
    else if (known.length === 0) out.write("no family has a policy; moult family apply FILE gives it one\n");
    else out.write(rotationText(view, out.paint, out.live ? out.width() : undefined));
    tellTrouble(view, err);
    if (view.broken.length > 0) return EXIT.refused;
    return outcomes?.flat().some(({ outcome }) => outcome === "failed" || outcome === "left") ? EXIT.failed : EXIT.ok;
  },
};

/** One family after the other, with a line that counts where a person looks on. */
async function applyAll(
  families: readonly FamilyRotation[],
  apply: (found: FamilyRotation, told: () => void) => Promise<StepOutcome[]>,
  err: Stream,
): Promise<StepOutcome[][]> {
  const all = families.reduce((sum, { rotation }) => sum + stepsOf(rotation.images).length, 0);
  const outcomes: StepOutcome[][] = [];
  let done = 0;
  for (const found of families) {
    const told = () => {
      done += 1;
      if (err.live) err.write(`\r\u001b[0K${done} of ${all} steps: ${nameOf(found.policy)}`);
    };
    outcomes.push(await apply(found, told));
  }
  if (err.live && done > 0) err.write("\r\u001b[0K");
  return outcomes;
}

/** Beside the answer: what it could not take into account. */
function tellTrouble({ families, broken }: RotationView, err: Stream): void {
  for (const { why } of broken) err.write(`${err.paint("red", "not rotated:")} ${why}\n`);
  const unread = new Set(families.flatMap((each) => each.unread));
  for (const what of unread)
    err.write(`${err.paint("yellow", "not read:")} ${what}; it may need any image, so none goes past DEPRECATED\n`);
}
