import { join } from "node:path";
import type { Command } from "../args.ts";
import { EXIT } from "../failure.ts";
import { writeInto } from "../manifest/into.ts";
import { startFiles, startYaml } from "../manifest/start.ts";

export const command: Command = {
  name: "manifest init",
  summary: "begin a manifest in a folder of its own",
  words: [{ name: "FOLDER" }],
  flags: {},
  details: `Writes manifest.yaml, with comments, and a template in files/: small, valid, and bootable as it is. Nothing that is there is
written over. docs/manifest.md has every field, docs/configuring.md which way of configuring to choose.`,
  examples: ["moult manifest init web/", "moult manifest check web/manifest.yaml"],
  run: async (given, { out }) => {
    const folder = given.word(0);
    writeInto(folder, startYaml, startFiles);
    out.write(
      `${folder}: manifest.yaml and files/ are written. Next: moult manifest check ${join(folder, "manifest.yaml")}\n`,
    );
    return EXIT.ok;
  },
};
