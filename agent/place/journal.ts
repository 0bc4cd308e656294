import { createFile, type Disk, errorCode, readNoFollow, setFolder, syncFolder, unlessMissing } from "./disk.ts";

export interface JournalFolder {
  path: string;
  uid: number;
  gid: number;
  mode: number;
}

/**
 * What is under way, written before it begins. `staging`: temporaries are being made, nothing can be seen yet, and the
 * next boot removes them. `renaming`: all temporaries are whole and on disk, and the next boot finishes the renames.
 * Paths are those of the machine, without the root. A journal names no value.
 */
export interface Journal {
  journal: 1;
  state: "staging" | "renaming";
  /** Folders made for this, outermost first. */
  made: string[];
  /** In the order of renaming. */
  entries: { temporary: string; path: string }[];
  /** Owner and mode that folders get at the end. */
  folders: JournalFolder[];
}

export const stateFolder = "/var/lib/moult";
const journalPath = `${stateFolder}/journal.json`;
const freshPath = `${stateFolder}/journal.json.new`;

export function writeJournal(disk: Disk, root: string, journal: Journal, owner: { uid: number; gid: number }): void {
  unlessMissing(() => disk.unlinkSync(root + freshPath));
  createFile(disk, root + freshPath, Buffer.from(JSON.stringify(journal)), owner, 0o600);
  disk.renameSync(root + freshPath, root + journalPath);
  syncFolder(disk, root + stateFolder);
}

export function readJournal(disk: Disk, root: string): Journal | undefined {
  unlessMissing(() => disk.unlinkSync(root + freshPath));
  const bytes = unlessMissing(() => readNoFollow(disk, root + journalPath));
  return bytes === undefined ? undefined : JSON.parse(bytes.toString());
}

export function removeJournal(disk: Disk, root: string): void {
  disk.unlinkSync(root + journalPath);
  syncFolder(disk, root + stateFolder);
}

/** Takes back what `staging` made. Safe to repeat. */
export function undo(disk: Disk, root: string, journal: Journal): void {
  for (const { temporary } of journal.entries) unlessMissing(() => disk.unlinkSync(root + temporary));
  for (const folder of [...journal.made].reverse()) {
    try {
      disk.rmdirSync(root + folder);
    } catch (error) {
      // Somebody else put something there since: then it is no longer only ours.
      if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errorCode(error))) throw error;
    }
  }
}

/** Does the renames that are left. Safe to repeat: a temporary that is gone has its name already, or was in memory. */
export function finish(disk: Disk, root: string, journal: Journal): void {
  for (const { temporary, path } of journal.entries)
    unlessMissing(() => disk.renameSync(root + temporary, root + path));
  for (const folder of journal.folders) unlessMissing(() => setFolder(disk, root + folder.path, folder, folder.mode));
  const touched = new Set(journal.entries.map(({ path }) => path.slice(0, path.lastIndexOf("/"))));
  for (const made of journal.made) touched.add(made.slice(0, made.lastIndexOf("/")));
  for (const folder of touched)
    unlessMissing(() => syncFolder(disk, folder === "" && root === "" ? "/" : root + folder));
}
