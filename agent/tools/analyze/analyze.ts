import { readFileSync, writeFileSync } from "node:fs";
import { rootOf } from "../../commandline.ts";
import { wrong } from "../../flags.ts";
import { Failure } from "../../outcome.ts";
import { errorCode, unlessMissing } from "../../place/disk.ts";
import { readRecords, recordPaths } from "../../report/record.ts";
import type { Tool } from "../tool.ts";
import { chart, summary } from "./chart.ts";
import { svg } from "./svg.ts";
import { parsed, type Timeline, timelineOf } from "./timeline.ts";

export const analyze: Tool = {
  help: `moult-agent analyze [--root DIR | FILE] [--svg FILE] [--json]
    show where the last boot's time went, and how long the boots before it took

FILE        a boot report: from the reports bucket, the guest attribute moult/report, or boot --json;
            - is standard input
--svg       also draw it into this file
--json      the boots as one document, the last one last

The agent keeps the last five boots in ${recordPaths[0]}; of a machine that was never sealed, in
${recordPaths[1]} until it restarts.`,
  grammar: { switches: "json", valued: "root svg", words: 1 },
  run(given, say) {
    const [file] = given.words;
    if (file !== undefined && given.has("root")) throw wrong("analyze wants --root or a file");
    const boots = file === undefined ? kept(rootOf(given.value("root"))) : fromFile(file);
    const last = boots.at(-1);
    if (!last)
      throw new Failure(
        "usage",
        "No boot is on record here: give the FILE of a report, or --root of a machine that booted",
      );
    const picture = given.value("svg");
    if (picture !== undefined) write(picture, svg(last));
    if (given.has("json")) say(JSON.stringify({ boots }));
    else for (const line of chart(last)) say(line);
    if (boots.length > 1 && !given.has("json")) {
      say("");
      for (const boot of [...boots].reverse()) say(summary(boot));
    }
    return 0;
  },
};

/** Oldest first. */
function kept(root: string): Timeline[] {
  const records = recordPaths.flatMap((path) => readRecords(read(root + path)));
  return records
    .flatMap((record) => timelineOf(record) ?? [])
    .sort((a, b) => (a.bootedAt < b.bootedAt ? -1 : a.bootedAt > b.bootedAt ? 1 : 0));
}

function fromFile(file: string): Timeline[] {
  const value = parsed(read(file === "-" ? 0 : file) ?? "");
  const found = (Array.isArray(value) ? value : [value]).flatMap((one) => timelineOf(one) ?? []);
  if (found.length === 0) throw new Failure("usage", `${file} is no boot report`);
  return found;
}

function read(file: string | number): string | undefined {
  try {
    return unlessMissing(() => readFileSync(file, "utf8"));
  } catch (error) {
    const code = errorCode(error);
    throw new Failure("usage", `${file} ${code === "EACCES" ? "may be read by root only" : `cannot be read: ${code}`}`);
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new Failure("usage", `${file} cannot be written: ${errorCode(error)}`);
  }
}
