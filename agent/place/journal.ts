import { Failure } from "../outcome.ts";
import { errorCode, foldersAbove, parentOf, unlessMissing } from "./disk.ts";
import { inMemory } from "./memory.ts";
import type { Attributes, Tree } from "./tree.ts";

export interface JournalFolder extends Attributes {
  path: string;
}

/**
 * What is under way, written before it begins. `staging`: temporaries are being made, nothing can be seen yet, and the
 * next boot removes them. `renaming`: all temporaries are whole and on disk, and the next boot finishes the renames.
 * Paths are those of the machine, without the root. A journal names no value.
 */
export interface Journal {
  journal: 1;
  state: "staging" | "renaming";
  /** In the order of renaming. A temporary may be a whole folder, with all that is to be in it. */
  entries: { temporary: string; path: string }[];
  /** Folders that are there already, with the owner and mode they get at the end. */
  folders: JournalFolder[];
}

export const stateFolder = "/var/lib/moult";
const journalPath = `${stateFolder}/journal.json`;
const draftPath = `${stateFolder}/journal.json.new`;

/** Writes the journal beside its place. Until `adoptJournal`, what held before holds. */
export function draftJournal(tree: Tree, journal: Journal, owner: { uid: number; gid: number }): void {
  unlessMissing(() => tree.unlink(draftPath));
  tree.keep(tree.create(draftPath, Buffer.from(JSON.stringify(journal)), { ...owner, mode: 0o600 }));
}

export function adoptJournal(tree: Tree): void {
  tree.rename(draftPath, journalPath);
  tree.sync(stateFolder);
}

/** A journal is written whole or not at all, so one that cannot be read tells of a damaged disk. */
export function readJournal(tree: Tree): Journal | undefined {
  unlessMissing(() => tree.unlink(draftPath));
  const found = unlessMissing(() => tree.read(journalPath));
  if (!found) return undefined;
  try {
    const journal: Journal = JSON.parse(found.bytes.toString());
    if (journal.journal === 1) return journal;
  } catch {
    // Said below: an error of the parser would quote the file.
  }
  throw new Failure("seal-broken", `${journalPath} cannot be read, and what it began cannot be known`);
}

/** Not made to last: a journal that comes back after a power cut asks for nothing that is not done. */
export function removeJournal(tree: Tree): void {
  for (const path of [draftPath, journalPath]) unlessMissing(() => tree.unlink(path));
}

/** Takes back what `staging` made. Safe to repeat. */
export function undo(tree: Tree, journal: Journal): void {
  for (const { temporary } of journal.entries) removeTree(tree, temporary);
}

/** Does the renames that are left. Safe to repeat: a temporary that is gone has its name already, or was in memory. */
export function finish(tree: Tree, journal: Journal): void {
  for (const { temporary, path } of journal.entries) move(tree, temporary, path);
  for (const folder of journal.folders) unlessMissing(() => tree.setFolder(folder.path, folder));
  const touched = new Set(journal.entries.map(({ path }) => parentOf(path)).filter((folder) => !inMemory(folder)));
  for (const folder of touched) unlessMissing(() => tree.sync(folder));
}

function move(tree: Tree, from: string, to: string): void {
  try {
    tree.rename(from, to);
  } catch (error) {
    const code = errorCode(error);
    const stat = tree.lstat(from);
    if (code === "ENOENT" && !stat) return;
    if (!stat?.isDirectory() || !["ENOTEMPTY", "EEXIST"].includes(code)) throw error;
    // Somebody made this folder meanwhile, and has put something there.
    for (const name of tree.readdir(from)) move(tree, `${from}/${name}`, `${to}/${name}`);
    tree.setFolder(to, { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777 });
    tree.rmdir(from);
  }
}

/** Removes what is at a path, without following links. */
export function removeTree(tree: Tree, path: string): void {
  const stat = tree.lstat(path);
  if (!stat) return;
  if (!stat.isDirectory()) {
    tree.unlink(path);
    return;
  }
  for (const name of tree.readdir(path)) removeTree(tree, `${path}/${name}`);
  tree.rmdir(path);
}

/** Makes one of the agent's own folders, which are no part of what an instance is given. */
export function makeOwnFolder(tree: Tree, path: string, self: { uid: number; gid: number }): void {
  for (const folder of foldersAbove(`${path}/`)) {
    const mode = folder === stateFolder ? 0o700 : 0o755;
    const stat = tree.lstat(folder);
    if (!stat) {
      tree.mkdir(folder, mode);
      if (!inMemory(folder)) tree.sync(parentOf(folder));
    }
    // Whatever the umask was of whoever started the agent.
    if (folder === path && ((stat?.mode ?? 0) & 0o7777) !== mode) tree.setFolder(folder, { ...self, mode });
  }
}
