import type { Command } from "../args.ts";
import { JSON_FLAG } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { countFindings, printFindings, readManifestFile } from "../manifest/file.ts";

export const command: Command = {
  name: "manifest check",
  summary: "check a manifest and its sources as a machine would",
  words: [{ name: "FILE" }],
  flags: JSON_FLAG,
  details: `FILE is YAML, or JSON when its name ends in .json; its templates and sources are in files/ beside it.
Every finding is printed as file:line:column and holds no value. docs/manifest.md has every field.`,
  examples: ["moult manifest check manifest.yaml", "moult manifest check manifest.yaml --json"],
  run: async (given, { out, err }) => {
    const file = given.word(0);
    const { findings } = readManifestFile(file);
    const valid = findings.length === 0;
    if (given.has("json")) out.write(`${JSON.stringify({ valid, findings })}\n`);
    else if (valid) out.write(`${file} is valid\n`);
    else {
      err.write(`${err.paint("red", "moult:")} ${countFindings(findings.length)} with ${file}\n`);
      err.write(printFindings(file, findings));
    }
    return valid ? EXIT.ok : EXIT.usage;
  },
};
