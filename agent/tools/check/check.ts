import { dirname } from "node:path";
import { type Finding, printFinding } from "../../finding.ts";
import { wrong } from "../../flags.ts";
import { exits, Failure } from "../../outcome.ts";
import { errorCode } from "../../place/disk.ts";
import { anyInstance } from "../../plan/anywhere.ts";
import { describedBy } from "../../plan/baked.ts";
import type { Description } from "../../plan/pack.ts";
import { makePlan } from "../../plan/plan.ts";
import type { Tool } from "../tool.ts";
import { pictureOf } from "./picture.ts";

export const check: Tool = {
  help: `moult-agent check FILE... [--json]
    validate manifests (JSON) and the sources in files/ beside each, for an instance nobody knows yet
    YAML: moult manifest check

Each finding has its place, a word that stays the same, and a sentence. The line below shows the structure around it;
values are dots. exit: 0 valid, 10 not, 64 a file cannot be read`,
  grammar: { switches: "json", valued: "", words: 1_000 },
  run(given, say) {
    if (given.words.length === 0) throw wrong("check wants a file");
    const several = given.words.length > 1;
    const all: (Finding & { file: string })[] = [];
    for (const file of given.words) {
      const { described, findings } = checkFile(file);
      all.push(...findings.map((finding) => ({ file, ...finding })));
      if (given.has("json")) continue;
      const front = several ? `${file}: ` : "";
      if (findings.length === 0) say(`${front}valid`);
      for (const finding of findings)
        for (const line of [front + printFinding(finding), ...pictureOf(finding, described)]) say(line);
      if (findings.some(({ code }) => code === "not-json"))
        say(`${front}JSON is read here. A manifest in YAML: moult manifest check, then moult manifest compile`);
    }
    if (given.has("json")) say(JSON.stringify({ valid: all.length === 0, findings: all }));
    return all.length === 0 ? 0 : exits["manifest-invalid"];
  },
};

/** Sources are taken from `files/` beside the manifest. */
export function checkFile(file: string): { described: Description; findings: Finding[] } {
  let described: Description | undefined;
  try {
    described = describedBy(file, `${dirname(file)}/files`);
  } catch (error) {
    throw new Failure("usage", `${file} cannot be read: ${errorCode(error)}`);
  }
  if (!described) throw new Failure("usage", `${file} is not there`);
  return { described, findings: makePlan(described, anyInstance).findings };
}
