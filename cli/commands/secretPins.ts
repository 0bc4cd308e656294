import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { readPins } from "../secrets/read.ts";
import { pinsText } from "../secrets/text.ts";

export const command: Command = {
  name: "secret pins",
  summary: "which releases and machines need which versions of secrets",
  words: [{ name: "SECRET", optional: true }],
  flags: { ...CLOUD_FLAGS, ...JSON_FLAG },
  details: `Reads every fleet's record, the templates and living instances of their projects, the commits these name, and the versions
Secret Manager has. A version that machines need and cannot have is an alarm, and the exit code is 1. A version is called free only
when everything could be read. Versions that a manifest baked into an image names cannot be seen from here.
Values are never read.`,
  examples: ["moult secret pins", "moult secret pins web-db --json"],
  run: async (given, { out, err, env }) => {
    const wanted = given.words[0];
    const { pins, unread } = await readPins(openCloud(given, env), wanted);
    const alarm = pins.some(({ verdict }) => verdict === "alarm");
    if (given.has("json")) out.write(`${JSON.stringify({ pins, unread })}\n`);
    else {
      if (pins.length > 0) out.write(pinsText(pins, out.paint, Date.now(), out.live ? out.width() : undefined));
      else out.write(wanted === undefined ? "nothing here uses a secret\n" : `nothing here uses a secret ${wanted}\n`);
      for (const what of unread) err.write(`${err.paint("yellow", "not read:")} ${what}; it may need any version\n`);
    }
    return alarm ? EXIT.failed : EXIT.ok;
  },
};
