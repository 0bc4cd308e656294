import type { Existing } from "../plan/manifest.ts";
import { type Disk, unlessMissing } from "./disk.ts";
import {
  adoptJournal,
  draftJournal,
  finish,
  type JournalFolder,
  makeOwnFolder,
  removeJournal,
  removeTree,
  stateFolder,
  undo,
} from "./journal.ts";
import { inMemory, memoryFolder } from "./memory.ts";
import { onTree } from "./ontree.ts";
import { journalOf, stage } from "./stage.ts";
import { type Survey, surveyTree } from "./survey.ts";
import type { Tree } from "./tree.ts";

/** One name to be given. Paths are those of the machine, without the root. */
export type Entry =
  | { path: string; existing?: Existing; bytes: Buffer; uid: number; gid: number; mode: number }
  /** A symbolic link, with what stands in it. Without `existing`, nothing but this very link gives way to it, or a plain file. */
  | { path: string; existing?: Existing; link: string };

export interface Placement {
  /** Renamed in this order, after folders that are new; what makes the rest valid comes last. */
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

/** Looks at every destination without touching anything. */
export function survey(ground: Ground, placement: Placement): Survey {
  return onTree(ground, (tree) => surveyTree(tree, ground.root, placement));
}

/**
 * Places all entries or none: see `Journal`. Memory alone needs no journal: it is gone after a crash of the machine, and
 * nothing reads it before the agent says so.
 * @param surveyed of all entries but those in folders of the agent's own.
 */
export function place(ground: Ground, placement: Placement, surveyed = survey(ground, placement)): void {
  const entries = placement.entries.filter(({ path }) => !surveyed.kept.has(path));
  const wanted = { ...placement, entries };
  if (entries.length + placement.folders.length === 0) return;
  onTree(ground, (tree) => {
    const lasting = entries.some(({ path }) => !inMemory(path)) || placement.folders.length > 0;
    if (lasting) makeOwnFolder(tree, stateFolder, ground.self);
    if (entries.some(({ path }) => inMemory(path))) makeOwnFolder(tree, memoryFolder, ground.self);
    const journal = journalOf(ground, wanted, surveyed);
    try {
      if (lasting) {
        draftJournal(tree, journal, ground.self);
        adoptJournal(tree);
      } else sweep(tree);
      stage(tree, ground.self, wanted, surveyed, journal);
      if (lasting) draftJournal(tree, { ...journal, state: "renaming" }, ground.self);
    } catch (error) {
      try {
        undo(tree, journal);
        if (lasting) removeJournal(tree);
      } catch {
        // The journal stays, and the next boot takes back what is left.
      }
      throw error;
    }
    // When this fails nobody knows which state the disk holds: only the next boot, which reads it, may go on.
    if (lasting) adoptJournal(tree);
    finish(tree, journal);
    if (lasting) removeJournal(tree);
  });
}

/** Empties the memory of what earlier runs put there. The folder itself may be where a file system is mounted. */
export function clearMemory(ground: Ground): void {
  onTree(ground, (tree) => {
    for (const name of unlessMissing(() => tree.readdir(memoryFolder)) ?? [])
      removeTree(tree, `${memoryFolder}/${name}`);
  });
}

/** Removes temporaries of a run that was killed while it filled the memory. */
function sweep(tree: Tree): void {
  for (const name of tree.readdir(memoryFolder))
    if (name.startsWith(".moult-")) removeTree(tree, `${memoryFolder}/${name}`);
}
