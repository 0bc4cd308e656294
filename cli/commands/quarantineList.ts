import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { knownFleet } from "../fleet/order.ts";
import { relative } from "../terminal/bar.ts";
import { table } from "../terminal/table.ts";

export const command: Command = {
  name: "quarantine list",
  summary: "list what is not to be tried again until a person lifts it",
  words: [{ name: "FLEET" }],
  flags: { ...CLOUD_FLAGS, ...JSON_FLAG },
  examples: ["moult quarantine list web"],
  run: async (given, { out, env }) => {
    const fleet = given.word(0);
    const { quarantine } = await knownFleet(openCloud(given, env), fleet);
    if (given.has("json")) out.write(`${JSON.stringify(quarantine)}\n`);
    else if (quarantine.length === 0) out.write(`nothing of ${fleet} is quarantined\n`);
    else {
      const now = Date.now();
      const rows = quarantine.map(({ key, imageName, inputs, at, why }) => [
        out.paint("bold", key),
        imageName,
        Object.keys(inputs).join(", "),
        relative(at, now),
        why,
      ]);
      out.write(
        table(["KEY", "IMAGE", "WHAT CHANGED", "SINCE", "WHY"], rows, out.paint, out.live ? out.width() : undefined),
      );
    }
    return EXIT.ok;
  },
};
