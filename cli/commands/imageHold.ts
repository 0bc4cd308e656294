import { withHold } from "../../functions/core/images/holds.ts";
import { instant } from "../../functions/core/instants.ts";
import { type Command, usage } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { untilOf } from "../fleet/asked.ts";
import { operator } from "../fleet/order.ts";
import { changeHolds, familyImage } from "../images/holding.ts";

const { project, "state-bucket": stateBucket } = CLOUD_FLAGS;

export const command: Command = {
  name: "image hold",
  summary: "keep an image as it is, whatever its age",
  words: [{ name: "NAME" }],
  flags: {
    reason: { value: "TEXT", help: "why; others read it. Required" },
    for: { value: "DURATION", help: "lift it by itself after this long, such as 30d" },
    until: { value: "INSTANT", help: "… or at this instant, such as 2027-01-31T00:00:00Z" },
    project,
    "state-bucket": stateBucket,
    ...JSON_FLAG,
  },
  details: `Rotation changes neither its state nor its dates. NAME may be PROJECT/NAME. The hold is of this image and not of its name: one
that is made later under the same name is not held. Holding it again replaces the reason and the end.`,
  examples: ['moult image hold web-20261120-120000-abc1234 --reason "audit 2026" --for 90d'],
  run: async (given, { out, env }) => {
    const reason = given.text("reason");
    if (!reason)
      throw usage(
        "a hold needs a reason, because others find the image kept and must know whom to ask",
        `moult image hold ${given.word(0)} --reason "audit 2026" --for 90d`,
      );
    const now = Date.now();
    const until = untilOf(given, now);
    const cloud = openCloud(given, env);
    const { image, ...name } = await familyImage(cloud, given.word(0));
    const hold = {
      image: { id: image.id, name: image.name },
      reason,
      by: operator(env),
      at: instant(now),
      ...(until !== undefined && { until }),
    };
    await changeHolds(cloud, name, (holds) => withHold(holds, hold, instant(now)));
    if (given.has("json")) out.write(`${JSON.stringify({ ...name, ...hold })}\n`);
    else
      out.write(
        `image ${out.paint("bold", image.name)} is held ${until === undefined ? "until moult image unhold" : `until ${until}`}: ${reason}\n`,
      );
    return EXIT.ok;
  },
};
