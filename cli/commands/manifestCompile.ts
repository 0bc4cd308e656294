import { canonicalJson } from "../../agent/plan/pack.ts";
import type { Command } from "../args.ts";
import { CliError, EXIT } from "../failure.ts";
import { countFindings, printFindings, readManifestFile } from "../manifest/file.ts";

export const command: Command = {
  name: "manifest compile",
  summary: "turn a manifest into the JSON that machines read",
  words: [{ name: "FILE" }],
  flags: {},
  details: `Checks it as moult manifest check does, and prints canonical JSON (keys sorted, no white space): the same manifest
is the same bytes, however it is written. In an image it goes to /usr/lib/moult/manifest.json, its sources to /usr/lib/moult/files/.`,
  examples: ["moult manifest compile manifest.yaml > manifest.json"],
  run: async (given, { out }) => {
    const file = given.word(0);
    const { document, findings } = readManifestFile(file);
    if (findings.length > 0)
      throw new CliError(
        EXIT.usage,
        `${countFindings(findings.length)} with ${file}`,
        printFindings(file, findings).trimEnd(),
      );
    out.write(`${canonicalJson(document)}\n`);
    return EXIT.ok;
  },
};
