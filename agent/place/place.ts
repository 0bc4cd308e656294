import { Failure } from "../outcome.ts";
import {
  createFile,
  type Disk,
  errorCode,
  foldersAbove,
  missingFolders,
  parentOf,
  syncFolder,
  unlessMissing,
} from "./disk.ts";
import {
  finish,
  type Journal,
  type JournalFolder,
  readJournal,
  removeJournal,
  stateFolder,
  undo,
  writeJournal,
} from "./journal.ts";

/** One name to be given. Paths are those of the machine, without the root. */
export type Entry =
  | { path: string; bytes: Buffer; uid: number; gid: number; mode: number }
  /** A symbolic link, with what stands in it. */
  | { path: string; link: string };

export interface Placement {
  /** Renamed in this order; what makes the rest valid comes last. */
  entries: Entry[];
  folders: JournalFolder[];
}

/** What writing needs to know of the world. */
export interface Ground {
  disk: Disk;
  /** Empty for the machine's own root, else a folder without a slash at its end. */
  root: string;
  self: { uid: number; gid: number };
  /** 16 hex digits that no other run uses. */
  token: string;
}

/**
 * Finishes or takes back what a run before this one was doing. Every run begins with it.
 * @returns what was found.
 */
export function recover({ disk, root }: Ground): "nothing" | "undone" | "finished" {
  return failing(() => {
    const journal = readJournal(disk, root);
    if (!journal) return "nothing";
    if (journal.state === "staging") undo(disk, root, journal);
    else {
      for (const { path } of journal.entries) missingFolders(disk, root, path);
      finish(disk, root, journal);
    }
    removeJournal(disk, root);
    return journal.state === "staging" ? "undone" : "finished";
  });
}

/** Places all entries or none: see `Journal`. Nothing is touched before every destination has been looked at. */
export function place(ground: Ground, placement: Placement): void {
  const { disk, root, self, token } = ground;
  failing(() => {
    const made = survey(ground, placement);
    prepareStateFolder(disk, root);
    const given = new Set(placement.folders.map(({ path }) => path));
    const journal: Journal = {
      journal: 1,
      state: "staging",
      made,
      entries: placement.entries.map(({ path }, i) => ({ temporary: `${parentOf(path)}/.moult-${token}-${i}`, path })),
      folders: [
        ...made.filter((path) => !given.has(path)).map((path) => ({ path, uid: self.uid, gid: self.gid, mode: 0o755 })),
        ...placement.folders,
      ],
    };
    writeJournal(disk, root, journal, self);
    try {
      stage(ground, placement, journal);
    } catch (error) {
      undo(disk, root, journal);
      removeJournal(disk, root);
      throw error;
    }
    // When this write fails nobody knows which state the disk holds: only the next boot, which reads it, may go on.
    writeJournal(disk, root, { ...journal, state: "renaming" }, self);
    finish(disk, root, journal);
    removeJournal(disk, root);
  });
}

/**
 * Looks at every destination without touching anything.
 * @returns the folders that will have to be made, outermost first.
 */
export function survey({ disk, root }: Ground, placement: Placement): string[] {
  const made = new Set<string>();
  for (const entry of placement.entries) {
    for (const folder of missingFolders(disk, root, entry.path)) made.add(folder);
    checkDestination(disk, root, entry);
  }
  for (const { path } of placement.folders)
    for (const folder of missingFolders(disk, root, `${path}/x`)) made.add(folder);
  // The agent's own folder is no part of what an instance is given.
  return [...made]
    .filter((path) => !`${stateFolder}/`.startsWith(`${path}/`))
    .sort((a, b) => foldersAbove(a).length - foldersAbove(b).length);
}

function stage({ disk, root }: Ground, placement: Placement, journal: Journal): void {
  for (const folder of journal.made) disk.mkdirSync(root + folder, 0o700);
  placement.entries.forEach((entry, i) => {
    const temporary = root + (journal.entries[i]?.temporary ?? "");
    if ("link" in entry) disk.symlinkSync(entry.link, temporary);
    else createFile(disk, temporary, entry.bytes, entry, entry.mode);
  });
  const parents = new Set(journal.entries.map(({ path }) => parentOf(path)));
  for (const made of journal.made) parents.add(parentOf(made));
  for (const folder of parents) syncFolder(disk, root + folder === "" ? "/" : root + folder);
}

/** A destination may be missing, a plain file, or the very link that is to be placed. */
function checkDestination(disk: Disk, root: string, entry: Entry): void {
  const stat = unlessMissing(() => disk.lstatSync(root + entry.path));
  if (!stat || stat.isFile()) return;
  if (stat.isSymbolicLink() && "link" in entry && disk.readlinkSync(root + entry.path) === entry.link) return;
  const what = stat.isSymbolicLink()
    ? "a link, and links are not followed"
    : stat.isDirectory()
      ? "a folder"
      : "not a plain file";
  throw new Failure("path-refused", `${entry.path} is ${what}`);
}

function prepareStateFolder(disk: Disk, root: string): void {
  for (const folder of missingFolders(disk, root, `${stateFolder}/x`)) {
    disk.mkdirSync(root + folder, folder === stateFolder ? 0o700 : 0o755);
    syncFolder(disk, root + parentOf(folder) === "" ? "/" : root + parentOf(folder));
  }
}

/** Names the system's error and its path; contents never stand in either. */
export function failing<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    const code = errorCode(error);
    if (error instanceof Failure || code === "") throw error;
    const detail =
      error instanceof Error && "syscall" in error
        ? ` (${String(error.syscall)}${"path" in error ? ` ${String(error.path)}` : ""})`
        : "";
    throw new Failure("place-failed", `${code}${detail}`);
  }
}

/** Removes a tree without following links. */
export function removeTree(disk: Disk, path: string): void {
  const stat = unlessMissing(() => disk.lstatSync(path));
  if (!stat) return;
  if (!stat.isDirectory()) {
    disk.unlinkSync(path);
    return;
  }
  for (const name of disk.readdirSync(path)) removeTree(disk, `${path}/${name}`);
  disk.rmdirSync(path);
}
