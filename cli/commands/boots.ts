import { writeFileSync } from "node:fs";
import { chart } from "../../agent/tools/analyze/chart.ts";
import { svg } from "../../agent/tools/analyze/svg.ts";
import { showMs } from "../../agent/tools/analyze/timeline.ts";
import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { type Boot, readBoots, slowest } from "../fleet/boots.ts";
import { knownFleet } from "../fleet/order.ts";
import { table } from "../terminal/table.ts";

export const command: Command = {
  name: "boots",
  summary: "show how machines booted, the newest last; of one, where the time went",
  words: [{ name: "FLEET" }, { name: "MACHINE", optional: true }],
  flags: {
    limit: { value: "N", help: "how many boots at most (default 30)" },
    svg: { value: "FILE", help: "draw the newest of them into FILE" },
    ...CLOUD_FLAGS,
    ...JSON_FLAG,
  },
  details: `MACHINE is a name or an instance id. Of its newest boot the states are drawn, as moult-agent analyze does it.
What is shown is what the machines reported, with the keys of the image that signed its configuration; a gate counts only reports whose signature holds (moult why FLEET).`,
  examples: ["moult boots web", "moult boots web web-b7kq", "moult boots web web-b7kq --svg boot.svg"],
  run: async (given, { out, env }) => {
    const cloud = openCloud(given, env);
    const fleet = given.word(0);
    const machine = given.words[1];
    const limit = given.whole("limit", 1, 10_000) ?? 30;
    await knownFleet(cloud, fleet);
    const boots = await readBoots(cloud.reports, fleet, machine, limit);
    const newest = boots.at(-1);
    if (machine !== undefined && !newest)
      throw new CliError(
        EXIT.absent,
        `no machine "${machine}" of fleet "${fleet}" has reported a boot`,
        `moult boots ${fleet} lists those that have. A machine that cannot reach gs://${cloud.reports.name} reports nothing.`,
      );
    const picture = given.text("svg");
    if (picture !== undefined) draw(picture, newest, fleet);
    if (given.has("json")) out.write(`${JSON.stringify(boots.map(document))}\n`);
    else if (!newest) out.write(`no machine of ${fleet} has reported a boot yet\n`);
    else {
      // Images without keys ask for nobody's signature.
      const signed = boots.some(({ signedBy }) => signedBy);
      const signers = signed ? ["SIGNED BY"] : [];
      const head = ["REPORTED (UTC)", "MACHINE", "RELEASE", "TOOK", "LONGEST", ...signers, "HOW IT ENDED"];
      const rows = boots.map((boot) => row(boot, signed));
      out.write(table(head, rows, out.paint, out.live ? out.width() : undefined));
      if (machine !== undefined) out.write(`\n${chart(newest.timeline).join("\n")}\n`);
    }
    return EXIT.ok;
  },
};

function row({ reportedAt, machine, signedBy, timeline }: Boot, signed: boolean): string[] {
  const { verdict, reason, message, release, ms } = timeline;
  const longest = slowest(timeline);
  return [
    reportedAt.replace("T", " ").slice(0, 19),
    machine,
    release.slice(0, 12),
    showMs(ms),
    longest ? `${longest.name} ${showMs(longest.ms)}` : "",
    ...(signed ? [(signedBy ?? []).map(({ name }) => name).join(", ")] : []),
    `${verdict === "failed" ? `failed ${reason}` : verdict}: ${message}`,
  ];
}

function document({ object, reportedAt, machine, zone, signedBy, timeline }: Boot): unknown {
  const { instance, release, boot, bootedAt, verdict, reason, message, agent, ms, bars } = timeline;
  return {
    object,
    reportedAt,
    machine,
    instance,
    zone,
    release,
    boot,
    bootedAt,
    verdict,
    reason,
    message,
    agent,
    signedBy: signedBy ?? null,
    ms,
    longest: slowest(timeline) ?? null,
    phases: bars.map(({ name, at, ms: length }) => ({ name, at, ms: length })),
  };
}

function draw(file: string, newest: Boot | undefined, fleet: string): void {
  if (!newest) throw new CliError(EXIT.absent, `no machine of fleet "${fleet}" has reported a boot: nothing to draw`);
  try {
    writeFileSync(file, svg(newest.timeline));
  } catch (problem) {
    const code = problem instanceof Error && "code" in problem ? String(problem.code) : "";
    throw new CliError(EXIT.usage, `${file} cannot be written: ${code}`);
  }
}
