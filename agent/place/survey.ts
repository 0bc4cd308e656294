import type { Stats } from "node:fs";
import { Failure } from "../outcome.ts";
import { foldersAbove } from "./disk.ts";
import { stateFolder } from "./journal.ts";
import { memoryFolder, memoryOf } from "./memory.ts";
import type { Entry, Placement } from "./place.ts";
import { followsNone, type Tree } from "./tree.ts";

export interface Survey {
  /** Folders that will have to be made, outermost first. */
  made: string[];
  /** Destinations whose file or link is there and stays, and where a secret's bytes would have been instead. */
  kept: Set<string>;
}

/** Looks at every destination without touching anything. */
export function surveyTree(tree: Tree, { entries, folders }: Placement): Survey {
  const made = new Set<string>();
  const kept = new Set<string>();
  const seen = new Set<string>();
  const look = (folder: string, wanted: string) => {
    if (seen.has(folder)) return;
    seen.add(folder);
    const stat = tree.lstat(folder);
    if (!stat) made.add(folder);
    else if (!stat.isDirectory())
      throw new Failure(
        "path-refused",
        `${wanted}: ${folder} is ${stat.isSymbolicLink() ? followsNone : "not a folder"}`,
      );
  };
  for (const entry of entries) {
    for (const folder of foldersAbove(entry.path)) look(folder, entry.path);
    const stat = tree.lstat(entry.path);
    if (stat && stays(tree, entry, stat)) kept.add(entry.path).add(memoryOf(entry.path).target);
  }
  for (const { path } of folders) for (const folder of foldersAbove(`${path}/`)) look(folder, path);
  const own = (path: string) => `${stateFolder}/`.startsWith(`${path}/`) || `${memoryFolder}/`.startsWith(`${path}/`);
  return {
    made: [...made].filter((path) => !own(path)).sort((a, b) => foldersAbove(a).length - foldersAbove(b).length),
    kept,
  };
}

/**
 * A plain file gives way, stays or is refused, as the entry says; so does a link where a link is to be. The link of an
 * earlier boot, with the same text, is as good as none. Nothing else is touched.
 */
function stays(tree: Tree, entry: Entry, stat: Stats): boolean {
  const { path, existing } = entry;
  const link = stat.isSymbolicLink();
  if (link && "link" in entry && tree.readlink(path) === entry.link) return false;
  const refuse = (what: string) => new Failure("path-refused", `${path} is ${what}`);
  if (link && (!("link" in entry) || existing === undefined)) throw refuse(followsNone);
  if (!link && !stat.isFile()) throw refuse(stat.isDirectory() ? "a folder" : "not a plain file");
  if (existing === "refuse") throw refuse("there already, and the manifest says to refuse that");
  return existing === "keep";
}
