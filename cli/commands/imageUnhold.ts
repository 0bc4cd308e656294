import { isOver, withoutHold } from "../../functions/core/images/holds.ts";
import { instant } from "../../functions/core/instants.ts";
import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { changeHolds, familyImage, familyThatHolds } from "../images/holding.ts";

const { project, "state-bucket": stateBucket } = CLOUD_FLAGS;

export const command: Command = {
  name: "image unhold",
  summary: "lift an image's hold",
  words: [{ name: "NAME" }],
  flags: { project, "state-bucket": stateBucket, ...JSON_FLAG },
  details: "The next rotation moves it on, one state, if it is old enough by then.",
  examples: ["moult image unhold web-20261120-120000-abc1234"],
  run: async (given, { out, env }) => {
    const cloud = openCloud(given, env);
    const found = await familyImage(cloud, given.word(0));
    const { image } = found;
    const now = instant(Date.now());
    const name = await familyThatHolds(cloud, found);
    const before = await changeHolds(cloud, name, (holds) => withoutHold(holds, image.id, now));
    const hold = before.find((each) => each.image.id === image.id && !isOver(each, now));
    if (!hold) throw new CliError(EXIT.absent, `image ${image.name} is not held any more: its hold was over`);
    if (given.has("json")) out.write(`${JSON.stringify({ ...name, image: hold.image, lifted: hold.reason })}\n`);
    else
      out.write(`image ${out.paint("bold", image.name)} is not held any more; it was by ${hold.by}: ${hold.reason}\n`);
    return EXIT.ok;
  },
};
