import { type Command, usage } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud, projectOf } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { adoptImage } from "../images/adopt.ts";

export const command: Command = {
  name: "image adopt",
  summary: "let an image that is in no family join one",
  words: [{ name: "NAME" }],
  flags: {
    family: { value: "F", help: "the family; its fleets hear of the image now" },
    project: CLOUD_FLAGS.project,
    ...JSON_FLAG,
  },
  details: `For images that were made with moult image create --no-family, or by another program without a family. A family's head is
its newest image by the time it was made, so one that waited longer than the head's age does not become it; that is said.`,
  examples: ["moult image adopt web-20261120-120000-abc1234 --family web"],
  run: async (given, { out, env }) => {
    const family = given.text("family");
    if (family === undefined) throw usage("moult image adopt needs --family F");
    const name = given.word(0);
    const project = projectOf(given, env);
    const head = await adoptImage(openCloud(given, env).compute(project), { project, name, family });
    if (given.has("json")) out.write(`${JSON.stringify({ name, family, head: head?.name ?? null })}\n`);
    else
      out.write(
        `image ${out.paint("bold", name)} is in family ${family}, ${head?.name === name ? "and its head" : `whose head is still ${head?.name ?? "none"}, which was made later`}\n`,
      );
    return EXIT.ok;
  },
};
