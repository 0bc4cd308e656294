import { hostname, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { type Command, type Given, usage } from "../args.ts";
import {
  inFolderNames,
  refAsked,
  SAMPLE_FLAG,
  samplesAsked,
  VALUES_FLAG,
  valuesAsked,
  valuesOf,
} from "../config/asked.ts";
import { changesOf } from "../config/changes.ts";
import { type ConfigFolder, changeSettings, findFolder, openRepository, STORE, STORE_FLAGS } from "../config/folder.ts";
import { removeUnfinished } from "../config/local.ts";
import { readKey } from "../config/signatures.ts";
import { bytesText } from "../config/sizes.ts";
import { StatIndex } from "../config/statindex.ts";
import { readText } from "../config/texts.ts";
import { commitFolder } from "../config/write.ts";
import { EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";

export const command: Command = {
  name: "config commit",
  summary: "make a commit of the folder and move a ref to it",
  words: [],
  flags: {
    ref: { value: "R", help: "the ref to move, for example web/prod" },
    message: { value: "TEXT", short: "m", help: "what changed and why" },
    ...VALUES_FLAG,
    "no-values": { help: "the manifest's own values, also where the ref had others before" },
    sign: { value: "KEY", many: true, help: "a private key (moult config keygen) to sign it with" },
    author: { value: "A", help: "who made it (default: MOULT_AUTHOR, or user@host)" },
    time: { value: "T", help: "when, RFC 3339 (default: now)" },
    tree: { value: "DIR", help: "take manifest.yaml and files/ from here, for example from a checkout" },
    ...SAMPLE_FLAG,
    ...STORE_FLAGS,
    ...JSON_FLAG,
  },
  details: `Refuses what moult config check refuses, and what is over the 16 MiB that a machine fetches. --values merges files
into the manifest's values: objects merge, everything else replaces. The ref remembers which, so that the next commit to it
takes the same when none are named. When the ref says the same already, nothing is committed and the exit code is 0. It is
local: no machine sees a commit before moult config push.`,
  examples: [
    'moult config commit --ref web/dev -m "more workers"',
    'moult config commit --ref web/prod -m "more workers" --values values/prod.yaml --sign release.pem',
  ],
  run: async (given, { out, env }) => {
    const folder = findFolder(given);
    const ref = refAsked(given);
    const message = given.text("message");
    if (message === undefined) throw usage('what changed? Say it with -m "TEXT"');
    const values = valuesFor(given, folder, ref);
    const named = inFolderNames(values, folder);
    const repository = openRepository(folder, given, env);
    const now = new Date().toISOString();
    const made = await commitFolder(
      repository,
      {
        folder: resolve(given.text("tree") ?? folder.path),
        values,
        samples: samplesAsked(given, folder),
        ref,
        message,
        author: given.text("author") ?? env.MOULT_AUTHOR ?? `${userInfo().username}@${hostname()}`,
        time: timeAsked(given) ?? now,
        now,
        // Before the ref is moved: the next commit must not miss what this one was made with.
        remember: async () => {
          await changeSettings(folder.path, (settings) => ({
            ...settings,
            ref,
            values: { ...settings.values, [ref]: named },
          }));
        },
        keys: given.list("sign").map((file) => readKey(file, readText(file), "private")),
      },
      new StatIndex(join(folder.path, STORE, "index")),
    );
    await removeUnfinished(join(folder.path, STORE));
    const changes = made.isNew ? changesOf(made.parent, made.commit) : [];
    const count = (how: string) => changes.filter((each) => each.how === how).length;
    const numbers = { added: count("added"), changed: count("changed"), removed: count("removed") };
    if (given.has("json")) {
      const { digest, isNew, packSize, signatures } = made;
      const signedBy = Object.keys(signatures);
      out.write(
        `${JSON.stringify({ ref, commit: digest, new: isNew, values: named, ...numbers, packSize, signedBy })}\n`,
      );
      return EXIT.ok;
    }
    const remembered = !given.has("values") && named.length > 0 ? `with ${named.join(", ")}, as before\n` : "";
    if (!made.isNew)
      out.write(`${remembered}nothing to commit: ${ref} is ${made.digest.slice(0, 12)}, which says the same\n`);
    else {
      const { added, changed, removed } = numbers;
      out.write(
        `${remembered}${ref} is now ${made.digest}\n${added} added, ${changed} changed, ${removed} removed; ${bytesText(made.packSize)} as a machine fetches it${signedText(Object.keys(made.signatures))}\n`,
      );
    }
    return EXIT.ok;
  },
};

function valuesFor(given: Given, folder: ConfigFolder, ref: string): string[] {
  if (given.has("no-values") && given.has("values")) throw usage("--values and --no-values exclude each other");
  if (given.has("no-values")) return [];
  return given.has("values") ? valuesAsked(given, folder) : valuesOf(folder, ref);
}

function timeAsked(given: Given): string | undefined {
  const text = given.text("time");
  if (text === undefined) return undefined;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(Date.parse(text)))
    throw usage(`--time must be an instant such as 2026-11-20T12:00:00Z, not "${text}"`);
  return new Date(text).toISOString();
}

function signedText(keys: readonly string[]): string {
  return keys.length > 0 ? `; signed with ${keys.map((key) => key.slice(0, 12)).join(", ")}` : "";
}
