import { parseImageName } from "../../functions/core/imagename.ts";
import { type Command, usage } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud, projectOf } from "../cloud.ts";
import { openBucket } from "../config/bucket.ts";
import { EXIT } from "../failure.ts";
import { adoptImage } from "../images/adopt.ts";
import { discardIfSame } from "../images/discard.ts";

export const command: Command = {
  name: "image discard-if-same",
  summary: "delete a new image that is the family's head over again",
  words: [{ name: "NEW" }],
  flags: {
    family: { value: "F", help: "compare with its head (default: the family in NEW's name)" },
    than: { value: "OLD", help: "compare with this image instead" },
    application: { value: "DIGEST", help: "what is in NEW, when its label application does not say so" },
    adopt: { help: "when it is kept, let it join the family" },
    bucket: { value: "B", help: "where package lists are stored (default P-moult-images)" },
    project: CLOUD_FLAGS.project,
    ...JSON_FLAG,
  },
  details: `The same are images with the same packages of the same distribution, the same label application, architecture and disk size.
What is not known of OLD counts as a difference. NEW must be in no family: what fleets have heard of is not deleted.
Exits with 0 whether it was discarded or kept; --json says discarded.`,
  examples: [
    'moult image create "$NAME" --no-family --from build --packages auto --label application="$(git rev-parse HEAD:app)"',
    'moult image discard-if-same "$NAME" --adopt',
  ],
  run: async (given, { out, env }) => {
    const name = given.word(0);
    const parsed = parseImageName(name);
    const family = given.text("family") ?? (parsed.problem === undefined ? parsed.value.family : undefined);
    if (family === undefined)
      throw usage(`which family? ${name} does not name one (moult image name); say it with --family F`);
    const project = projectOf(given, env);
    const compute = openCloud(given, env).compute(project);
    const bucket = openBucket(given.text("bucket") ?? `${project}-moult-images`, env);
    const than = given.text("than");
    // A label holds 63 characters, one less than a sha256.
    const application = given.text("application")?.slice(0, 63);
    const verdict = await discardIfSame(compute, bucket, {
      project,
      name,
      family,
      ...(than !== undefined && { than }),
      ...(application !== undefined && { application }),
    });
    const adopting = given.has("adopt") && !verdict.discarded;
    const head = adopting ? await adoptImage(compute, { project, name, family }) : undefined;
    if (given.has("json")) {
      out.write(
        `${JSON.stringify({ image: name, family, than: verdict.than ?? null, discarded: verdict.discarded, reasons: verdict.reasons, adopted: adopting, ...(adopting && { head: head?.name ?? null }) })}\n`,
      );
      return EXIT.ok;
    }
    if (verdict.discarded) out.write(`image ${name} was ${verdict.than} over again, and is deleted\n`);
    else
      out.write(
        `image ${out.paint("bold", name)} is kept${verdict.than === undefined ? "" : `: it is not ${verdict.than}`}\n${verdict.reasons.map((reason) => `  ${reason}\n`).join("")}`,
      );
    if (adopting)
      out.write(
        `it is in family ${family}${head?.name === name ? ", and its head" : `; the head is still ${head?.name ?? "none"}`}\n`,
      );
    return EXIT.ok;
  },
};
