import { type Command, type Given, usage } from "../args.ts";
import { revisionAsked, VALUES_FLAG, valuesAsked, valuesOf } from "../config/asked.ts";
import { type Described, describeCommit, describeFolder } from "../config/described.ts";
import {
  type Difference,
  differencesOf,
  differencesReceived,
  differenceText,
  type State,
  stateOfFolder,
  stateOfRevision,
} from "../config/difference.ts";
import { inFolder, notValid } from "../config/findings.ts";
import { type ConfigFolder, findFolder, openRepository, STORE_FLAGS } from "../config/folder.ts";
import { receive } from "../config/render.ts";
import type { Repository } from "../config/repository.ts";
import { findRevision, REVISION_HELP } from "../config/revision.ts";
import { readSample, type Sample } from "../config/sample.ts";
import { readWorkTree } from "../config/worktree.ts";
import { EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";
import { table } from "../terminal/table.ts";
import type { Stream } from "../terminal/terminal.ts";

export const command: Command = {
  name: "config diff",
  summary: "what differs between commits, folder and instances",
  words: [
    { name: "A", optional: true },
    { name: "B", optional: true },
    { name: "REV", optional: true },
  ],
  flags: {
    stat: { help: "counts of lines only" },
    instances: { help: "A and B are instances: what each would receive from REV" },
    instance: { value: "FILE", help: "what this instance would receive from A and from B" },
    ...VALUES_FLAG,
    ...STORE_FLAGS,
    ...JSON_FLAG,
  },
  details: `A and B are revisions. A left out is the ref that was committed to last; B or REV left out is the folder as it is, with
the values that ref was committed with, or --values. Shown are the sources and the manifest with the values in it. With --instance
or --instances it is the finished files: an instance is what a metadata server answers to
/computeMetadata/v1/?recursive=true&alt=json, and where a secret would stand, its name does: <secret NAME>.
${REVISION_HELP}`,
  examples: [
    "moult config diff",
    "moult config diff web/prod~1 web/prod --stat",
    "moult config diff --instances samples/eu.json samples/us.json web/prod",
    "moult config diff web/dev web/prod --instance samples/eu.json",
  ],
  run: async (given, { out, env }) => {
    if (given.has("instance") && given.has("instances")) throw usage("--instance and --instances exclude each other");
    const folder = findFolder(given);
    const repository = openRepository(folder, given, env);
    const found = given.has("instances")
      ? await betweenInstances(given, folder, repository)
      : await betweenStates(given, folder, repository);
    if (given.has("json")) out.write(`${JSON.stringify(found)}\n`);
    else if (given.has("stat")) out.write(statText(found, out));
    else for (const each of found) out.write(coloured(differenceText(each), out));
    return EXIT.ok;
  },
};

async function betweenStates(given: Given, folder: ConfigFolder, repository: Repository): Promise<Difference[]> {
  const [, second, third] = given.words;
  if (third !== undefined) throw usage("moult config diff compares two; REV is for --instances");
  const first = revisionAsked(given.words[0], folder);
  const before = await stateAndDescription(first, given, folder, repository, first);
  const after = await stateAndDescription(second, given, folder, repository, first);
  const file = given.text("instance");
  if (file === undefined) return differencesOf(before.state, after.state);
  const sample = readSample(file);
  return differencesReceived(await received(before, sample, folder), await received(after, sample, folder));
}

async function betweenInstances(given: Given, folder: ConfigFolder, repository: Repository): Promise<Difference[]> {
  const [first, second, revision] = given.words;
  if (first === undefined || second === undefined)
    throw usage("--instances needs two files: moult config diff --instances X.json Y.json [REV]");
  const one = await stateAndDescription(revision, given, folder, repository, folder.settings.ref);
  return differencesReceived(
    await received(one, readSample(first), folder),
    await received(one, readSample(second), folder),
  );
}

interface Side {
  state: State;
  describe(): Promise<Described>;
}

/** Without a revision it is the folder as it is, with the values that `ref` is committed with. */
async function stateAndDescription(
  text: string | undefined,
  given: Given,
  folder: ConfigFolder,
  repository: Repository,
  ref: string | undefined,
): Promise<Side> {
  if (text !== undefined) {
    const revision = await findRevision(repository, text);
    return {
      state: stateOfRevision(repository, revision),
      describe: () => describeCommit(repository, revision.commit),
    };
  }
  const known = ref !== undefined && folder.settings.values?.[ref] ? ref : folder.settings.ref;
  const values = given.has("values") ? valuesAsked(given, folder) : valuesOf(folder, known);
  const work = readWorkTree(folder.path);
  const described = describeFolder(folder.path, values, work.tree);
  const findings = [...work.findings, ...described.findings];
  if (findings.length > 0) throw notValid(folder.path, inFolder(folder.path, findings));
  const content = { tree: work.tree, manifest: described.manifest.value };
  return { state: stateOfFolder(folder.path, content), describe: async () => described };
}

async function received({ state, describe }: Side, sample: Sample, folder: ConfigFolder) {
  const { received: found, findings } = receive(await describe(), sample);
  if (findings.length > 0) throw notValid(state.name, inFolder(folder.path, findings));
  return found;
}

function statText(found: readonly Difference[], out: Stream): string {
  if (found.length === 0) return "";
  const rows = found.map(({ path, how, binary, added, removed }) => [
    path,
    how,
    binary ? "not text" : `${out.paint("green", `+${added}`)} ${out.paint("red", `-${removed}`)}`,
  ]);
  const sum = (of: "added" | "removed") => found.reduce((total, each) => total + each[of], 0);
  const files = found.length === 1 ? "1 file differs" : `${found.length} files differ`;
  return `${table(["FILE", "", "LINES"], rows, out.paint)}${files}, +${sum("added")} -${sum("removed")} lines\n`;
}

function coloured(text: string, out: Stream): string {
  return text.replace(/^(---|\+\+\+|@@|[+-]).*$/gm, (line, mark: string) => {
    if (mark === "@@") return out.paint("cyan", line);
    return mark.length === 3 ? out.paint("bold", line) : out.paint(mark === "+" ? "green" : "red", line);
  });
}
