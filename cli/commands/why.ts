import { type Command, usage } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { choicesOf } from "../fleet/choices.ts";
import { evidenceText, readEvidence } from "../fleet/evidence.ts";
import { knownFleet } from "../fleet/order.ts";
import { reasonText } from "../fleet/render.ts";
import { relative } from "../terminal/bar.ts";
import { table } from "../terminal/table.ts";
import { wrap } from "../terminal/text.ts";

export const command: Command = {
  name: "why",
  summary: "say why a fleet is as it is",
  words: [{ name: "FLEET" }],
  flags: {
    evidence: { help: "what failed machines said before they were taken away: report, errors, serial console" },
    rollout: { value: "ID", help: "with --evidence: of this rollout (default: the newest that has some)" },
    ...CLOUD_FLAGS,
    ...JSON_FLAG,
  },
  details: `Each reason has a stable word for programs and a sentence for people: the rule, what was seen, and when it can change. Where
a person has to choose, the choices are listed as commands. --evidence exits with 4 when none was kept.`,
  examples: ["moult why web", "moult why web --evidence", "moult why web --json | jq -r '.reasons[].word'"],
  run: async (given, { out, env }) => {
    const fleet = given.word(0);
    if (given.has("rollout") && !given.has("evidence"))
      throw usage("--rollout says whose evidence to show; it goes with --evidence");
    const cloud = openCloud(given, env);
    const record = await knownFleet(cloud, fleet);
    if (given.has("evidence")) {
      const rollout = given.text("rollout");
      const found = await readEvidence(cloud, fleet, rollout);
      if (found.length === 0)
        throw new CliError(
          EXIT.absent,
          `no evidence was kept of ${rollout ?? `a rollout of ${fleet}`}`,
          "It is kept of machines that failed, when their rollout is put back. moult boots shows what machines reported.",
        );
      out.write(given.has("json") ? `${JSON.stringify(found)}\n` : evidenceText(found, out));
      return EXIT.ok;
    }
    const { reasons, last, quarantine, hold, refused, lastLook } = record;
    const choices = choicesOf(record);
    if (given.has("json")) {
      out.write(`${JSON.stringify({ fleet, reasons, choices, last, quarantine, hold, refused, lastLook })}\n`);
      return EXIT.ok;
    }
    const now = Date.now();
    const paragraph = (text: string) =>
      wrap(text, out.width() - 4)
        .map((line) => `    ${line}\n`)
        .join("");
    out.write(`${out.paint("bold", `fleet ${fleet}`)}, looked at ${lastLook ? relative(lastLook, now) : "never"}\n\n`);
    out.write(reasons.length > 0 ? reasonText(reasons, out, now) : "nothing is said about it yet: no look has ended\n");
    if (choices.length > 0)
      out.write(
        `\n${out.paint("bold", "you can say")}\n${table(
          ["", ""],
          choices.map(({ command: line, does }) => [`    ${line}`, does]),
          out.paint,
          out.live ? out.width() : undefined,
        ).replace(/^\n/, "")}`,
      );
    for (const { kind, by, at, text } of refused)
      out.write(`\nrefused: ${kind} of ${by}, ${relative(at, now)}\n${paragraph(text)}`);
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
