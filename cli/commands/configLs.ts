import type { Command } from "../args.ts";
import { revisionAsked } from "../config/asked.ts";
import { findFolder, openRepository, STORE_FLAGS } from "../config/folder.ts";
import { findRevision, REVISION_HELP } from "../config/revision.ts";
import { filesIn } from "../config/stored.ts";
import { eachTogether } from "../config/together.ts";
import { CliError, EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";
import { table } from "../terminal/table.ts";

export const command: Command = {
  name: "config ls",
  summary: "the files of a commit",
  words: [
    { name: "REV", optional: true },
    { name: "PATH", optional: true },
  ],
  flags: { long: { short: "l", help: "with sizes and digests" }, ...STORE_FLAGS, ...JSON_FLAG },
  details: `${REVISION_HELP} Left out, it is the ref that was committed to last. PATH is a file or a folder as they are in a
configuration folder: manifest.yaml, or files/….`,
  examples: ["moult config ls web/prod", "moult config ls web/prod files/nginx -l"],
  run: async (given, { out, env }) => {
    const folder = findFolder(given);
    const repository = openRepository(folder, given, env);
    const revision = await findRevision(repository, revisionAsked(given.words[0], folder));
    const path = (given.words[1] ?? "").replace(/\/+$/, "");
    const found = filesIn(revision.commit).filter(
      (each) => path === "" || each.path === path || each.path.startsWith(`${path}/`),
    );
    if (found.length === 0 && path !== "")
      throw new CliError(EXIT.absent, `${revision.text} (${revision.digest.slice(0, 12)}) has no ${path}`);
    if (!given.has("long") && !given.has("json")) {
      for (const each of found) out.write(`${each.path}\n`);
      return EXIT.ok;
    }
    const listed = await eachTogether(found, async (each) => {
      const bytes = await each.read(repository);
      return { path: each.path, size: bytes.length, digest: each.digest };
    });
    if (given.has("json")) out.write(`${JSON.stringify({ commit: revision.digest, files: listed })}\n`);
    else
      out.write(
        table(
          ["DIGEST", "BYTES", "PATH"],
          listed.map(({ digest, size, path: name }) => [digest, String(size), name]),
          out.paint,
        ),
      );
    return EXIT.ok;
  },
};
