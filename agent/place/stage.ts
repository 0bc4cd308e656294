import { foldersAbove, isBelow, parentOf } from "./disk.ts";
import type { Journal } from "./journal.ts";
import { inMemory, memoryFolder } from "./memory.ts";
import type { Ground, Placement } from "./place.ts";
import type { Survey } from "./survey.ts";
import type { Tree } from "./tree.ts";

/** Files that are written but not yet made to last. One fsync after many writes costs little more than after one. */
const mostOpen = 100;

/**
 * Says where everything is to be made before it gets its name: beside it, and the whole of a folder that is missing as
 * one, so that it appears with all that is in it. What lives in memory is made at the top of it.
 */
export function journalOf({ token }: Ground, { entries, folders }: Placement, { made }: Survey): Journal {
  const tops = made.filter((folder) => !made.some((above) => isBelow(folder, above)));
  const alone = entries.map(({ path }) => path).filter((path) => !tops.some((top) => isBelow(path, top)));
  const beside = (path: string) => (inMemory(path) ? memoryFolder : parentOf(path));
  return {
    journal: 1,
    state: "staging",
    entries: [...tops, ...alone].map((path, i) => ({ temporary: `${beside(path)}/.moult-${token}-${i}`, path })),
    folders: folders.filter(({ path }) => !made.includes(path)),
  };
}

/** Makes all of it under the names of the journal. */
export function stage(
  tree: Tree,
  self: Ground["self"],
  placement: Placement,
  { made }: Survey,
  journal: Journal,
): void {
  const temporaries = new Map(journal.entries.map((entry) => [entry.path, entry.temporary]));
  const temporary = (path: string): string => {
    for (const top of [...foldersAbove(path), path]) {
      const found = temporaries.get(top);
      if (found !== undefined) return found + path.slice(top.length);
    }
    return path;
  };
  const written: number[] = [];
  const keep = () => {
    for (let fd = written.pop(); fd !== undefined; fd = written.pop()) tree.keep(fd);
  };
  for (const folder of made) tree.mkdir(temporary(folder));
  try {
    for (const entry of placement.entries) {
      if ("link" in entry) tree.symlink(entry.link, temporary(entry.path));
      else if (inMemory(entry.path)) tree.keep(tree.create(temporary(entry.path), entry.bytes, entry), false);
      else written.push(tree.create(temporary(entry.path), entry.bytes, entry));
      if (written.length > mostOpen) keep();
    }
  } finally {
    keep();
  }
  for (const folder of [...made].reverse()) {
    const given = placement.folders.find(({ path }) => path === folder);
    tree.setFolder(temporary(folder), given ?? { ...self, mode: 0o755 });
  }
  const parents = new Set(journal.entries.map((entry) => parentOf(entry.temporary)));
  for (const folder of parents) if (!inMemory(folder)) tree.sync(folder);
}
