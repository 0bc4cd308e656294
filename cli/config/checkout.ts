import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { sha256 } from "../../agent/plan/pack.ts";
import { usage } from "../args.ts";
import { CliError, EXIT } from "../failure.ts";
import { isCode, locked } from "./lock.ts";
import type { Repository } from "./repository.ts";
import type { Revision } from "./revision.ts";
import { nowNs, StatIndex } from "./statindex.ts";
import { filesIn } from "./stored.ts";
import { syncOne } from "./sync.ts";
import { eachTogether } from "./together.ts";
import { pathsBelow } from "./worktree.ts";

/** In a checkout: which commit it is, and when each of its files was written. */
const RECORD = ".moult-checkout";
const NAMED = 20;

export interface CheckedOut {
  /** Undefined when there was no checkout before. */
  from: string | undefined;
  /** Files written, and those that were taken over from the checkout before. */
  written: number;
  kept: number;
}

interface Current {
  /** The folder behind the link. */
  path: string;
  commit: string | undefined;
  /** Path → digest of what is there now. */
  files: Map<string, string>;
  index: StatIndex;
  /** Paths that are not as the commit has them. */
  changed: string[];
}

/**
 * Makes FOLDER be one commit. It is a link to a folder in `.FOLDER.moult` beside it; the next state is made there, whole, and the
 * link is replaced by one rename. Whoever opens a file through FOLDER finds one state or the other, also when this is killed
 * anywhere. Files that stay the same are linked from the state before, so that the cost is that of what changed.
 */
export async function checkout(
  repository: Repository,
  { digest, commit }: Revision,
  folder: string,
  force: boolean,
): Promise<CheckedOut> {
  const home = join(dirname(folder), `.${basename(folder)}.moult`);
  judgePlace(folder, basename(home));
  return locked(join(home, "lock"), async () => {
    // Once more: somebody else's checkout may have been first.
    const empty = judgePlace(folder, basename(home));
    const current = readCurrent(folder, await contentOf(repository, folder));
    if (current && current.changed.length > 0 && !force) throw locallyChanged(folder, current.changed);
    const wanted = filesIn(commit);
    if (current?.commit === digest && current.changed.length === 0) {
      await tidy(home, basename(current.path));
      return { from: digest, written: 0, kept: wanted.length };
    }
    const next = freshName(home, digest);
    const tree = join(home, next);
    const folders = foldersFor(tree, wanted);
    for (const each of folders) mkdirSync(each);
    const index = new StatIndex(join(tree, RECORD), false);
    const fresh: string[] = [];
    await eachTogether(wanted, async (file) => {
      const target = join(tree, file.path);
      const same = current?.files.get(file.path) === file.digest;
      if (!same || !tryLink(join(current.path, file.path), target)) {
        writeFileSync(target, await file.read(repository));
        fresh.push(target);
      }
      index.remember(file.path, lstatSync(target, { bigint: true }), file.digest, nowNs());
    });
    index.state = digest;
    index.save(new Set());
    await eachTogether([...fresh, join(tree, RECORD)], syncOne);
    await eachTogether([...folders, home], syncOne);
    const link = join(home, `${next}.link`);
    symlinkSync(join(basename(home), next), link);
    if (empty) rmdirSync(folder);
    renameSync(link, folder);
    // Until the switch itself is on the disk, a loss of power must find the state before.
    await syncOne(dirname(folder));
    await tidy(home, next);
    return { from: current?.commit, written: fresh.length, kept: wanted.length - fresh.length };
  });
}

/** The folders of a state, each after the one that holds it. */
function foldersFor(tree: string, wanted: readonly { path: string }[]): string[] {
  const found = new Set([tree]);
  for (const { path } of wanted) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) found.add(join(tree, ...parts.slice(0, depth)));
  }
  return [...found];
}

/**
 * Removes the state before, and what others who were killed had begun. Many files at a time: some file systems take milliseconds
 * for each of which the blocks are on the disk already.
 */
async function tidy(home: string, kept: string): Promise<void> {
  for (const name of readdirSync(home))
    if (name !== kept && name !== "lock") await rm(join(home, name), { recursive: true, force: true });
}

/** Returns whether an empty folder is in its place. What moult did not put there is refused. */
function judgePlace(folder: string, home: string): boolean {
  const there = lstatSync(folder, { throwIfNoEntry: false });
  if (!there) return false;
  if (there.isSymbolicLink() && dirname(readlinkSync(folder)) === home) return false;
  if (there.isDirectory() && readdirSync(folder).length === 0) return true;
  throw usage(
    `${folder} is there already, and is no checkout of moult's`,
    "Name a folder that is not there yet, or an empty one.",
  );
}

/** What the commit that FOLDER says it is holds; undefined when it does not say. */
async function contentOf(
  repository: Repository,
  folder: string,
): Promise<{ commit: string; files: Map<string, string> } | undefined> {
  const commit = new StatIndex(join(folder, RECORD), false).state;
  if (commit === undefined) return undefined;
  const files = filesIn(await repository.commit(commit));
  return { commit, files: new Map(files.map(({ path, digest }) => [path, digest])) };
}

function readCurrent(
  folder: string,
  known: { commit: string; files: Map<string, string> } | undefined,
): Current | undefined {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined;
  const path = join(dirname(folder), readlinkSync(folder));
  const index = new StatIndex(join(path, RECORD), false);
  const files = new Map<string, string>();
  const paths = pathsBelow(path, "").filter((name) => name !== RECORD);
  for (const name of paths) {
    const stats = lstatSync(join(path, name), { bigint: true });
    if (!stats.isFile()) files.set(name, "");
    else files.set(name, index.digest(name, stats) ?? sha256(readFileSync(join(path, name))));
  }
  const all = new Set([...paths, ...(known?.files.keys() ?? [])]);
  const changed = [...all].filter((name) => files.get(name) !== known?.files.get(name)).sort();
  return { path, commit: known?.commit, files, index, changed };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (problem) {
    // A file system without links, or with too many of one: it is written instead.
    if (isCode(problem, "EMLINK", "EPERM", "EXDEV", "ENOTSUP", "ENOENT")) return false;
    throw problem;
  }
}

function freshName(home: string, digest: string): string {
  const names = new Set(readdirSync(home));
  for (let n = 1; ; n++) {
    const name = `${digest.slice(0, 12)}-${n}`;
    if (!names.has(name)) return name;
  }
}

function locallyChanged(folder: string, changed: readonly string[]): CliError {
  const more = changed.length > NAMED ? `\nand ${changed.length - NAMED} more` : "";
  const what = changed.length === 1 ? "one file is" : `${changed.length} files are`;
  return new CliError(
    EXIT.failed,
    `${folder} was changed: ${what} not as in the commit it was checked out from; nothing was touched`,
    `${changed.slice(0, NAMED).join("\n")}${more}\nKeep them elsewhere, commit them with --tree ${folder}, or lose them with --force.`,
  );
}
