import type { Command } from "../args.ts";
import { findFolder, openRepository, STORE_FLAGS } from "../config/folder.ts";
import { plain } from "../config/history.ts";
import { refsIn } from "../config/repository.ts";
import { EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";
import { table } from "../terminal/table.ts";

export const command: Command = {
  name: "config refs",
  summary: "the refs of the folder's store",
  words: [],
  flags: { remote: { help: "those of the bucket" }, ...STORE_FLAGS, ...JSON_FLAG },
  examples: ["moult config refs", "moult config refs --remote --json"],
  run: async (given, { out, env }) => {
    const folder = findFolder(given);
    const repository = openRepository(folder, given, env);
    const found = given.has("remote") ? await refsIn(await repository.bucket()) : await repository.refs();
    const { ref: current } = folder.settings;
    if (given.has("json"))
      out.write(
        `${JSON.stringify(found.map(({ name, ref: { commit, moved, by } }) => ({ ref: name, commit, moved, by })))}\n`,
      );
    else if (found.length === 0) out.write("no refs yet\n");
    else {
      const rows = found.map(({ name, ref: { commit, moved, by } }) => [
        `${!given.has("remote") && name === current ? "*" : " "} ${name}`,
        commit.slice(0, 12),
        moved,
        plain(by).replaceAll("\n", "?"),
      ]);
      out.write(table(["  REF", "COMMIT", "MOVED", "BY"], rows, out.paint));
    }
    return EXIT.ok;
  },
};
