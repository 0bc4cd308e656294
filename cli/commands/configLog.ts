import type { Command } from "../args.ts";
import { revisionAsked } from "../config/asked.ts";
import { changesOf } from "../config/changes.ts";
import { findFolder, openRepository, STORE_FLAGS } from "../config/folder.ts";
import { plain } from "../config/history.ts";
import { findRevision, REVISION_HELP } from "../config/revision.ts";
import { EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";

export const command: Command = {
  name: "config log",
  summary: "commits of a ref, the newest first",
  words: [{ name: "REV", optional: true }],
  flags: {
    number: { value: "N", short: "n", help: "at most so many" },
    oneline: { help: "one line each" },
    ...STORE_FLAGS,
    ...JSON_FLAG,
  },
  details: `${REVISION_HELP} Left out, it is the ref that was committed to last.
Where a collection has shortened the history, the list ends, and a line on standard error says so.`,
  examples: ["moult config log web/prod -n 5", "moult config log bucket:web/prod --json"],
  run: async (given, { out, err, env }) => {
    const folder = findFolder(given);
    const repository = openRepository(folder, given, env);
    const most = given.whole("number", 1, 1_000_000) ?? Number.POSITIVE_INFINITY;
    let { digest, commit } = await findRevision(repository, revisionAsked(given.words[0], folder));
    const refs = new Map<string, string[]>();
    for (const { name, ref } of await repository.refs()) refs.set(ref.commit, [...(refs.get(ref.commit) ?? []), name]);
    const entries = [];
    let cut: string | undefined;
    for (let count = 0; count < most; count++) {
      const parent = commit.parent === null ? undefined : await repository.findCommit(commit.parent);
      if (commit.parent !== null && !parent) cut = commit.parent;
      const signedBy = Object.keys(await repository.signatures(digest));
      // Of one whose parent is gone nobody knows what it changed.
      const changes = cut === undefined ? changesOf(parent, commit).length : null;
      const { author, time, message } = commit;
      const entry = { commit: digest, refs: refs.get(digest) ?? [], author, time, message, changes };
      if (given.has("json")) entries.push({ ...entry, parent: commit.parent, signedBy });
      else if (given.has("oneline"))
        out.write(`${out.paint("yellow", digest.slice(0, 12))} ${plain(message.split("\n")[0] ?? "")}\n`);
      else {
        const named = entry.refs.length > 0 ? ` (${entry.refs.join(", ")})` : "";
        const signed = signedBy.length > 0 ? `signed  ${signedBy.map((key) => key.slice(0, 12)).join(", ")}\n` : "";
        const by = plain(author).replaceAll("\n", "?");
        out.write(
          `${out.paint("yellow", `commit ${digest}`)}${named}\nauthor  ${by}\ntime    ${plain(time)}\n${signed}`,
        );
        const files = changes === null ? "" : `    ${filesText(changes)}\n`;
        out.write(`\n${plain(message).replace(/^/gm, "    ")}\n${files}\n`);
      }
      if (!parent || commit.parent === null) break;
      digest = commit.parent;
      commit = parent;
    }
    if (cut !== undefined)
      err.write(
        `older history is not there: ${cut.slice(0, 12)} and what was before it was collected, or never brought here\n`,
      );
    if (given.has("json")) out.write(`${JSON.stringify(entries)}\n`);
    return EXIT.ok;
  },
};

function filesText(count: number): string {
  return count === 1 ? "1 file differs" : `${count} files differ`;
}
