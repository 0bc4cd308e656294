import type { Command } from "../args.ts";
import { SAMPLE_FLAG, samplesAsked, VALUES_FLAG, valuesAsked } from "../config/asked.ts";
import { describeFolder } from "../config/described.ts";
import { findingLines, inFolder } from "../config/findings.ts";
import { FOLDER_FLAGS, findFolder } from "../config/folder.ts";
import { judge } from "../config/render.ts";
import { readWorkTree } from "../config/worktree.ts";
import { EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";
import { countFindings } from "../manifest/file.ts";

export const command: Command = {
  name: "config check",
  summary: "check a configuration folder as machines would",
  words: [],
  flags: { ...VALUES_FLAG, ...SAMPLE_FLAG, ...FOLDER_FLAGS, ...JSON_FLAG },
  details: `Judges manifest.yaml and files/ as a machine's agent does, then renders everything for a made-up instance with made-up
secrets and for each sample, and checks the finished formats. A sample is what a metadata server answers to
/computeMetadata/v1/?recursive=true&alt=json. Every finding is printed as file:line:column, and holds no value.`,
  examples: ["moult config check", "moult config check --values values/prod.yaml --sample samples/canary.json"],
  run: async (given, { out, err }) => {
    const folder = findFolder(given);
    const work = readWorkTree(folder.path);
    const described = describeFolder(folder.path, valuesAsked(given, folder), work.tree);
    const samples = samplesAsked(given, folder);
    const findings = inFolder(folder.path, [...work.findings, ...judge(described, samples)]);
    const valid = findings.length === 0;
    if (given.has("json")) out.write(`${JSON.stringify({ valid, findings })}\n`);
    else if (valid) {
      const more = samples.length > 0 ? ` and of ${samples.length} ${samples.length === 1 ? "sample" : "samples"}` : "";
      out.write(`${folder.path} is valid, and renders for a made-up instance${more}\n`);
    } else {
      err.write(`${err.paint("red", "moult:")} ${countFindings(findings.length)} with ${folder.path}\n`);
      err.write(findingLines(findings));
    }
    return valid ? EXIT.ok : EXIT.usage;
  },
};
