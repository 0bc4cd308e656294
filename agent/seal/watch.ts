import type { Stats } from "node:fs";
import { sha256 } from "../edge/sha256.ts";
import { Failure } from "../outcome.ts";
import { isBelow } from "../place/disk.ts";
import { stateFolder } from "../place/journal.ts";
import { inMemory } from "../place/memory.ts";
import { onTree } from "../place/ontree.ts";
import type { Ground } from "../place/place.ts";
import type { Tree } from "../place/tree.ts";
import type { SealedFile, SealedLink } from "./seal.ts";

/** What a person may want watched is a configuration, and every boot and every check reads all of it. */
const mostFiles = 10_000;
const mostBytes = 256 * 1024 * 1024;

/** Whoever may write to a watched folder may fill it: beyond that the walk ends. */
const mostSteps = 2 * mostFiles;
const deepest = 100;

/**
 * Calls `see` for every plain file and link at or below a path, folders sorted, on that path's own file system: what is
 * mounted below it (a data disk) is no part of it. What the agent keeps for itself is left out. Without its `stat` for what
 * cannot be followed: a name that is not UTF-8, a folder too deep, one more entry than are looked at.
 */
export function walk(tree: Tree, path: string, see: (path: string, stat?: Stats) => void): void {
  const top = tree.lstat(path);
  let steps = 0;
  const step = (at: string, stat: Stats, depth: number) => {
    if (stat.dev !== top?.dev || inMemory(at) || isBelow(`${at}/`, stateFolder)) return;
    if (stat.isFile() || stat.isSymbolicLink()) see(at, stat);
    if (!stat.isDirectory()) return;
    if (depth > deepest) return see(at);
    for (const name of tree.readdir(at).sort()) {
      const below = `${at === "/" ? "" : at}/${name}`;
      if (++steps > mostSteps) return steps === mostSteps + 1 ? see(below) : undefined;
      const found = tree.lstat(below);
      if (found) step(below, found, depth + 1);
      else if (name.includes("\ufffd")) see(below);
    }
  };
  if (top) step(path, top, 0);
}

/** One file or link as it is now; undefined when it is neither. */
export function describe(tree: Tree, path: string, stat: Stats): SealedFile | SealedLink | undefined {
  if (stat.isSymbolicLink()) return { path, to: tree.readlink(path) };
  const read = tree.read(path);
  if (!read) return undefined;
  const { uid, gid, mode } = read.stat;
  return {
    path,
    uid,
    gid,
    owner: `${uid}:${gid}`,
    mode: mode & 0o7777,
    sha256: sha256(read.bytes),
    size: read.bytes.length,
  };
}

/**
 * Records what is there and stays: files that were kept, and all that is at or below the paths to be watched, but for
 * `placed`, which is about to change.
 */
export function watch(
  ground: Ground,
  paths: readonly string[],
  kept: ReadonlySet<string>,
  placed: ReadonlySet<string>,
): (SealedFile | SealedLink)[] {
  return onTree(ground, (tree) => {
    const found = new Map<string, SealedFile | SealedLink>();
    let bytes = 0;
    const keep = (path: string, stat: Stats | undefined) => {
      const now = stat && !found.has(path) ? describe(tree, path, stat) : undefined;
      if (now) found.set(path, now);
    };
    for (const path of kept) keep(path, tree.lstat(path));
    paths.forEach((top, i) => {
      walk(tree, top, (path, stat) => {
        if (placed.has(path)) return;
        bytes += stat?.size ?? Number.POSITIVE_INFINITY;
        if (found.size >= mostFiles || bytes > mostBytes)
          throw new Failure("manifest-invalid", "The description does not fit this machine", [
            {
              where: "manifest",
              path: `drift.paths[${i}]`,
              line: 1,
              column: 1,
              code: "too-much-to-watch",
              sentence: stat
                ? `More than ${mostFiles} files or ${mostBytes >> 20} MiB are to be watched.`
                : `What stands below it cannot be watched: more than ${mostSteps} entries, folders ${deepest} deep, or a name that is not UTF-8.`,
            },
          ]);
        keep(path, stat);
      });
    });
    return [...found.values()];
  });
}
