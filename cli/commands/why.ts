import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { knownFleet } from "../fleet/order.ts";
import { reasonText } from "../fleet/render.ts";
import { relative } from "../terminal/bar.ts";
import { wrap } from "../terminal/text.ts";

export const command: Command = {
  name: "why",
  summary: "say why a fleet is as it is",
  words: [{ name: "FLEET" }],
  flags: { ...CLOUD_FLAGS, ...JSON_FLAG },
  details: `Each reason has a stable word for programs and a sentence for people: the rule, what was seen, and when it can change.`,
  examples: ["moult why web", "moult why web --json | jq -r '.reasons[].word'"],
  run: async (given, { out, env }) => {
    const fleet = given.word(0);
    const record = await knownFleet(openCloud(given, env), fleet);
    const { reasons, last, quarantine, hold, lastLook } = record;
    if (given.has("json")) {
      out.write(`${JSON.stringify({ fleet, reasons, last, quarantine, hold, lastLook })}\n`);
      return EXIT.ok;
    }
    const now = Date.now();
    const paragraph = (text: string) =>
      wrap(text, out.width() - 4)
        .map((line) => `    ${line}\n`)
        .join("");
    out.write(`${out.paint("bold", `fleet ${fleet}`)}, looked at ${lastLook ? relative(lastLook, now) : "never"}\n\n`);
    out.write(reasons.length > 0 ? reasonText(reasons, out, now) : "nothing is said about it yet: no look has ended\n");
    if (last) {
      out.write(
        `\nlast rollout: ${last.id} to ${last.imageName}, ${last.ending} ${relative(last.endedAt, now)}\n${paragraph(`${last.why.word}: ${last.why.text}`)}`,
      );
    }
    for (const entry of quarantine) {
      out.write(
        `\nquarantined: ${entry.imageName} since ${relative(entry.at, now)}, by rollout ${entry.rollout}\n${paragraph(entry.why)}`,
      );
      out.write(`    moult quarantine lift ${fleet} ${entry.key}\n`);
    }
    return EXIT.ok;
  },
};
