import { readFileSync, type Stats } from "node:fs";
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
export function surveyTree(tree: Tree, root: string, { entries, folders }: Placement): Survey {
  let mounted: Set<string> | undefined;
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
    if (!stat) continue;
    if (stays(tree, entry, stat)) {
      kept.add(entry.path).add(memoryOf(entry.path).target);
      continue;
    }
    mounted ??= mountPoints(root);
    if (mounted.has(entry.path)) throw new Failure("path-refused", `${entry.path} is mounted there by somebody else`);
    if (stat.isFile() && tree.isImmutable(entry.path))
      throw new Failure("path-refused", `${entry.path} is immutable: lsattr shows it, chattr -i -a takes it off`);
  }
  for (const { path } of folders) for (const folder of foldersAbove(`${path}/`)) look(folder, path);
  const own = (path: string) => `${stateFolder}/`.startsWith(`${path}/`) || `${memoryFolder}/`.startsWith(`${path}/`);
  return {
    made: [...made].filter((path) => !own(path)).sort((a, b) => foldersAbove(a).length - foldersAbove(b).length),
    kept,
  };
}

/**
 * What is mounted below a root, as paths of the machine: proc_pid_mountinfo(5), field 5. No name can be given to what is a mount
 * point (EBUSY), as the /etc/hostname of a container is. That has to be known before anything is final.
 */
function mountPoints(root: string): Set<string> {
  const lines = readMounts().split("\n");
  const paths = lines.map((line) =>
    (line.split(" ")[4] ?? "").replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
  );
  return new Set(paths.flatMap((path) => (path.startsWith(`${root}/`) ? [path.slice(root.length)] : [])));
}

function readMounts(): string {
  try {
    return readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return "";
  }
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
