import { type Command, usage } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud, projectOf } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { deprecateImage, STATES } from "../images/deprecate.ts";

export const command: Command = {
  name: "image deprecate",
  summary: "change an image's state, and so perhaps its family's head",
  words: [{ name: "NAME" }],
  flags: {
    state: { value: "STATE", choices: STATES, help: "ACTIVE takes a deprecation back" },
    replacement: { value: "NAME", help: "the image to use instead" },
    project: CLOUD_FLAGS.project,
    ...JSON_FLAG,
  },
  details: `A family's head is its newest image that is not deprecated. Deprecating the head makes the one before it the head, and
fleets that follow the family go back to it.`,
  examples: ["moult image deprecate web-v3 --state DEPRECATED", "moult image deprecate web-v2 --state ACTIVE"],
  run: async (given, { out, env }) => {
    const state = STATES.find((name) => name === given.text("state"));
    if (!state) throw usage(`moult image deprecate needs --state ${STATES.join("|")}`);
    const project = projectOf(given, env);
    const compute = openCloud(given, env).compute(project);
    const replacement = given.text("replacement");
    const name = given.word(0);
    const image = await deprecateImage(compute, { project, name, state, ...(replacement && { replacement }) });
    const head = image.family ? await compute.head(image.family) : undefined;
    if (given.has("json")) {
      out.write(`${JSON.stringify({ name, state, family: image.family ?? null, head: head?.name ?? null })}\n`);
      return EXIT.ok;
    }
    out.write(`image ${out.paint("bold", name)} is ${state}\n`);
    if (image.family)
      out.write(
        head ? `the head of family ${image.family} is ${head.name}\n` : `family ${image.family} has no head now\n`,
      );
    return EXIT.ok;
  },
};
