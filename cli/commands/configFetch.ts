import type { Command } from "../args.ts";
import { openBoth } from "../config/bucket.ts";
import { type Fetched, fetchRef } from "../config/fetch.ts";
import { STORE_FLAGS } from "../config/folder.ts";
import { refsIn } from "../config/repository.ts";
import { CliError, EXIT } from "../failure.ts";
import { operator } from "../fleet/order.ts";
import { JSON_FLAG } from "../jsonflag.ts";

export const command: Command = {
  name: "config fetch",
  summary: "bring the bucket's commits into the folder's store",
  words: [{ name: "REF", optional: true }],
  flags: {
    move: { help: "let our ref stand where the bucket's does; files of the folder stay as they are" },
    ...STORE_FLAGS,
    ...JSON_FLAG,
  },
  details: `Without REF it is every ref of the bucket. Refs that the folder does not have yet are made; others are only compared, because the
folder's files are still those of our own commit. After --move, moult config diff bucket:REF shows what a commit would change.
Everything that comes is judged by its digest.`,
  examples: ["moult config fetch", "moult config fetch web/prod --move && moult config diff web/prod"],
  run: async (given, { out, env }) => {
    const { repository, bucket } = openBoth(given, env);
    const [word] = given.words;
    const names = word === undefined ? (await refsIn(bucket)).map(({ name }) => name) : [word];
    if (names.length === 0)
      throw new CliError(EXIT.absent, `${bucket.place} has no ref yet`, "moult config push makes one.");
    const wishes = { move: given.has("move"), by: operator(env), now: Date.now };
    const fetched: Fetched[] = [];
    for (const name of names) fetched.push(await fetchRef(repository, bucket, name, wishes));
    out.write(given.has("json") ? `${JSON.stringify(fetched)}\n` : fetched.map(fetchedText).join(""));
    return EXIT.ok;
  },
};

const MINE: Record<Fetched["mine"], (ref: string) => string> = {
  same: () => "ours stands there too",
  made: () => "ours is made, and stands there",
  moved: () => "ours stands there now",
  behind: (ref) => `ours is older: moult config fetch ${ref} --move`,
  ahead: (ref) => `ours has commits that are not there yet: moult config push ${ref}`,
  diverged: (ref) => `each has commits that the other does not have: moult config diff ${ref} bucket:${ref}`,
};

function fetchedText({ ref, commit, commits, blobs, mine }: Fetched): string {
  const came = commits + blobs === 0 ? "nothing new" : `${commits} new commits, ${blobs} new blobs`;
  return `bucket:${ref} stands at ${commit.slice(0, 12)}: ${came}; ${MINE[mine](ref)}\n`;
}
