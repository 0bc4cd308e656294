import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { entriesSince, knownFleet } from "../fleet/order.ts";
import { table } from "../terminal/table.ts";

export const command: Command = {
  name: "history",
  summary: "show what happened to a fleet, the newest last",
  words: [{ name: "FLEET" }],
  flags: { limit: { value: "N", help: "how many entries at most (default 30)" }, ...CLOUD_FLAGS, ...JSON_FLAG },
  examples: ["moult history web", "moult history web --limit 1000 --json"],
  run: async (given, { out, env }) => {
    const cloud = openCloud(given, env);
    const fleet = given.word(0);
    const limit = given.whole("limit", 1, 1_000_000) ?? 30;
    const record = await knownFleet(cloud, fleet);
    const entries = await entriesSince(cloud, fleet, Math.max(0, record.entries - limit));
    if (given.has("json")) out.write(`${JSON.stringify(entries)}\n`);
    else if (entries.length === 0) out.write(`nothing has happened to ${fleet} yet\n`);
    else {
      const rows = entries.map(({ at, what, rollout, text }) => [
        at.replace("T", " ").slice(0, 19),
        rollout ?? "",
        what,
        text,
      ]);
      out.write(table(["WHEN (UTC)", "ROLLOUT", "WHAT", "WHY"], rows, out.paint, out.live ? out.width() : undefined));
    }
    return EXIT.ok;
  },
};
