import { join } from "node:path";
import { type Command, type Given, usage } from "../args.ts";
import { JSON_FLAG } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { countFindings, printFindings, readManifestFile } from "../manifest/file.ts";
import { countUntranslated, printUntranslated } from "../manifest/from/tell.ts";
import { type ForeignFormat, foreignFormats, translateFile } from "../manifest/from/translate.ts";
import { writeInto } from "../manifest/into.ts";
import type { Terminal } from "../terminal/terminal.ts";

export const command: Command = {
  name: "manifest check",
  summary: "check a manifest and its sources as a machine would",
  words: [{ name: "FILE" }],
  flags: {
    from: {
      value: "FORMAT",
      choices: foreignFormats,
      help: "FILE is Kolla's config.json or config.yaml, or an Ignition configuration: translate it",
    },
    into: { value: "FOLDER", help: "with --from: write manifest.yaml and files/ there" },
    ...JSON_FLAG,
  },
  details: `FILE is YAML, or JSON when its name ends in .json; its templates and sources are in files/ beside it.
Every finding is printed as file:line:column and holds no value. docs/manifest.md has every field.

With --from the manifest that FILE comes to goes to standard output, and what cannot be in one to standard error, with its place and what to
do instead. Exit code 6: something was left out, may be a secret, or has to be found. docs/coming-from.md has the rules.`,
  examples: [
    "moult manifest check manifest.yaml",
    "moult manifest check manifest.yaml --json",
    "moult manifest check config.ign --from ignition --into web/",
  ],
  run: async (given, terminal) => {
    const format = foreignFormats.find((name) => name === given.text("from"));
    if (format) return translate(format, given, terminal);
    if (given.has("into")) throw usage("--into goes with --from kolla or --from ignition");
    return check(given, terminal);
  },
};

function check(given: Given, { out, err }: Terminal): number {
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
}

function translate(format: ForeignFormat, given: Given, { out, err }: Terminal): number {
  const file = given.word(0);
  const folder = given.text("into");
  const json = given.has("json");
  const moult = err.paint("red", "moult:");
  const translation = translateFile(format, file);
  if ("refused" in translation) {
    const findings = translation.refused;
    if (json) out.write(`${JSON.stringify({ manifest: null, untranslated: [], findings, files: {} })}\n`);
    else err.write(`${moult} ${file} cannot be translated\n${printFindings(file, findings, "configuration")}`);
    return EXIT.usage;
  }
  const { manifest, yaml, sources, findings, untranslated } = translation;
  if (folder !== undefined) writeInto(folder, yaml, sources);
  const files = Object.fromEntries([...sources].map(([name, bytes]) => [name, bytes.toString("base64")]));
  if (json) out.write(`${JSON.stringify({ manifest, untranslated, findings, files })}\n`);
  else {
    if (folder === undefined) out.write(yaml);
    else out.write(`${folder}: manifest.yaml and ${sources.size} of files/ are written\n`);
    if (untranslated.length > 0) err.write(`${moult} of ${file}: ${countUntranslated(untranslated)}\n`);
    err.write(printUntranslated(file, untranslated));
    err.write(printFindings(folder === undefined ? "manifest.yaml" : join(folder, "manifest.yaml"), findings));
    if (folder === undefined && sources.size > 0)
      err.write(`${sources.size} of its files are too long or odd to stand in it: --into FOLDER writes them as well\n`);
  }
  return findings.length === 0 && untranslated.every(({ kind }) => kind === "assumed") ? EXIT.ok : EXIT.person;
}
