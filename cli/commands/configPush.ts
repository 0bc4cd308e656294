import type { Command } from "../args.ts";
import { openBoth } from "../config/bucket.ts";
import { STORE_FLAGS } from "../config/folder.ts";
import { listed } from "../config/history.ts";
import { showProgress } from "../config/progress.ts";
import { type Pushed, push } from "../config/push.ts";
import { repair } from "../config/repair.ts";
import { bytesText } from "../config/sizes.ts";
import { Upload } from "../config/upload.ts";
import { knownRefs } from "../config/wanted.ts";
import { CliError, EXIT, toCliError } from "../failure.ts";
import { operator } from "../fleet/order.ts";
import { JSON_FLAG } from "../jsonflag.ts";

export const command: Command = {
  name: "config push",
  summary: "bring commits into the bucket and move its refs to them",
  words: [{ name: "REF", optional: true }],
  flags: {
    all: { help: "every ref of the folder" },
    force: {
      help: "also when the bucket's ref has commits that ours does not; they are named, and rollback finds them",
    },
    repair: { help: "read everything of the ref's commit in the bucket, and write again what is missing or damaged" },
    ...STORE_FLAGS,
    ...JSON_FLAG,
  },
  details: `Without REF it is the ref that was committed to last. Only what the bucket's ref does not have is written, the ref last: killed anywhere,
a push leaves the ref where it was, and the next one goes on. Every fleet that uses the ref makes a rollout when it has moved.
docs/config-store.md says what a push promises.`,
  examples: ["moult config push web/prod", "moult config push --all --json"],
  run: async (given, { out, err, env }) => {
    const { repository, bucket, folder } = openBoth(given, env);
    const refs = await knownRefs(repository, given.words[0], given.has("all"), folder.settings.ref);
    const wishes = { force: given.has("force"), by: operator(env), now: Date.now };
    const results: (Pushed & { written: number; bytes: number; repaired: string[] })[] = [];
    const refused: CliError[] = [];
    for (const { name, ref } of refs) {
      const progress = showProgress(err, name);
      const upload = new Upload(repository, bucket, Date.now, progress.tell);
      try {
        const repaired = given.has("repair") ? await repair(repository, bucket, name, ref.commit, wishes) : [];
        const pushed = await push(repository, bucket, upload, name, ref.commit, wishes);
        results.push({ ...pushed, repaired, written: upload.progress.done, bytes: upload.progress.bytes });
      } catch (problem) {
        refused.push(toCliError(problem));
      } finally {
        progress.clear();
      }
    }
    if (given.has("json")) out.write(`${JSON.stringify(results.map(document))}\n`);
    else for (const result of results) out.write(pushedText(result, bucket.place));
    const [first] = refused;
    if (!first) return EXIT.ok;
    if (refused.length === 1) throw first;
    const texts = refused.map(({ message, advice }) => `${message}${advice ? `\n${advice}` : ""}`);
    throw new CliError(first.exitCode, `${refused.length} refs were not pushed`, texts.join("\n"));
  },
};

type Result = Pushed & { written: number; bytes: number; repaired: string[] };

function document({ ref, from, to, outcome, commits, dropped, written, bytes, repaired }: Result): unknown {
  const digests = (links: Pushed["commits"]) => links.map(({ digest }) => digest);
  return {
    ref,
    from,
    to,
    outcome,
    commits: digests(commits),
    dropped: digests(dropped),
    objects: written,
    bytes,
    repaired,
  };
}

function pushedText(
  { ref, from, to, outcome, commits, dropped, written, bytes, repaired }: Result,
  place: string,
): string {
  const lines = repaired.map((name) => `  ${name} is whole again\n`);
  const head = `${place}/refs/${ref}`;
  if (outcome === "standing") return `${head} stands at ${to.slice(0, 12)} already\n${lines.join("")}`;
  if (outcome === "mended")
    return `${head} stands at ${to.slice(0, 12)}; its signatures and its pack are as here now\n${lines.join("")}`;
  const way = from === null ? `is new, at ${to.slice(0, 12)}` : `${from.slice(0, 12)} → ${to.slice(0, 12)}`;
  lines.push(
    `  ${commits.length} ${commits.length === 1 ? "commit" : "commits"}, ${written} objects, ${bytesText(bytes)} written\n`,
  );
  if (dropped.length > 0) lines.push(`  the ref holds no more:\n${listed(dropped).replace(/^/gm, "  ")}\n`);
  return `${head} ${way}\n${lines.join("")}`;
}
