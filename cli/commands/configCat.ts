import type { Command } from "../args.ts";
import { findFolder, openRepository, STORE_FLAGS } from "../config/folder.ts";
import { findRevision, REVISION_HELP } from "../config/revision.ts";
import { filesIn } from "../config/stored.ts";
import { FILES, MANIFEST } from "../config/worktree.ts";
import { CliError, EXIT } from "../failure.ts";
import { nearest } from "../nearest.ts";

export const command: Command = {
  name: "config cat",
  summary: "one file of a commit, or its manifest",
  words: [{ name: "REV" }, { name: "PATH" }],
  flags: { json: { help: "the manifest as the JSON that machines read" }, ...STORE_FLAGS },
  details: `PATH is as in a configuration folder (files/motd.tmpl), or without files/; manifest is the manifest with the
environment's values in it. Its digest is checked before anything is printed.
${REVISION_HELP}`,
  examples: ["moult config cat web/prod files/motd.tmpl", "moult config cat web/prod manifest"],
  run: async (given, { out, env }) => {
    const folder = findFolder(given);
    const repository = openRepository(folder, given, env);
    const revision = await findRevision(repository, given.word(0));
    const asked = given.word(1);
    if (given.has("json") && (asked === "manifest" || asked === MANIFEST)) {
      out.write(`${JSON.stringify(revision.commit.manifest, null, 2)}\n`);
      return EXIT.ok;
    }
    const files = filesIn(revision.commit);
    const wanted = asked === "manifest" ? [MANIFEST] : [asked, `${FILES}/${asked}`];
    const file = files.find(({ path }) => wanted.includes(path));
    if (!file) {
      const paths = files.map(({ path }) => path);
      const near = nearest(asked.startsWith(`${FILES}/`) ? asked : `${FILES}/${asked}`, paths);
      throw new CliError(
        EXIT.absent,
        `${revision.text} (${revision.digest.slice(0, 12)}) has no ${asked}`,
        near ? `Did you mean ${near}?` : `See moult config ls ${revision.text}.`,
      );
    }
    out.write(await file.read(repository));
    return EXIT.ok;
  },
};
