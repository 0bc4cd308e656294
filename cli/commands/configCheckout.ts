import { resolve } from "node:path";
import type { Command } from "../args.ts";
import { checkout } from "../config/checkout.ts";
import { findFolder, openRepository, STORE_FLAGS } from "../config/folder.ts";
import { findRevision, REVISION_HELP } from "../config/revision.ts";
import { EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";

export const command: Command = {
  name: "config checkout",
  summary: "put a commit into a folder, all of it at once",
  words: [{ name: "REV" }, { name: "FOLDER" }],
  flags: {
    force: { help: "also where files in FOLDER were changed; the changes are lost" },
    ...STORE_FLAGS,
    ...JSON_FLAG,
  },
  details: `FOLDER becomes a link to a folder in .FOLDER.moult beside it. The next state is made there and the link replaced by one
rename: whoever reads through FOLDER finds one commit or the other, never a mixture, also when this is killed. What stays the
same is linked from the state before. FOLDER is not there yet, is empty, or is a checkout.
${REVISION_HELP}`,
  examples: ["moult config checkout web/prod /srv/web-config", "moult config checkout web/prod~1 /srv/web-config"],
  run: async (given, { out, env }) => {
    const repository = openRepository(findFolder(given), given, env);
    const revision = await findRevision(repository, given.word(0));
    const folder = resolve(given.word(1));
    const { from, written, kept } = await checkout(repository, revision, folder, given.has("force"));
    if (given.has("json"))
      out.write(`${JSON.stringify({ folder, commit: revision.digest, from: from ?? null, written, kept })}\n`);
    else if (from === revision.digest && written === 0) out.write(`${folder} is ${revision.digest} already\n`);
    else {
      const before = from === undefined ? "" : `, was ${from.slice(0, 12)}`;
      out.write(
        `${folder} is now ${revision.digest}${before}: ${written === 1 ? "1 file" : `${written} files`} written, ${kept} as before\n`,
      );
    }
    return EXIT.ok;
  },
};
