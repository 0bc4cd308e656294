import { sha256 } from "../edge/sha256.ts";
import { Failure } from "../outcome.ts";
import { type Disk, errorCode } from "../place/disk.ts";
import { Tree } from "../place/tree.ts";
import { onDisk, type Seal, type SealedFile, type SealedLink } from "./seal.ts";
import { walk } from "./watch.ts";

export interface Difference {
  path: string;
  what: "missing" | "added" | "content" | "mode" | "owner" | "kind" | "link";
}

/** Compares the disk with its seal: what was sealed, and nothing else. Bytes in memory are not part of it. */
export function differences(disk: Disk, root: string, seal: Seal): Difference[] {
  const found: Difference[] = [];
  const tree = new Tree(disk, root);
  const known = new Set<string>();
  const each = <T extends { path: string }>(
    items: readonly T[],
    compare: (item: T) => Difference["what"] | undefined,
  ) => {
    for (const item of items) {
      let what: Difference["what"] | undefined;
      try {
        what = compare(item);
      } catch (error) {
        const code = errorCode(error);
        // The tree refuses a link or a file above it.
        if (code === "" && !(error instanceof Failure)) throw error;
        what = code === "ENOENT" || code === "ENOTDIR" ? "missing" : "kind";
      }
      known.add(item.path);
      if (what) found.push({ path: item.path, what });
    }
  };
  const file = (sealed: SealedFile) => {
    const now = tree.read(sealed.path, sealed.size);
    if (!now) return "kind";
    const same = now.stat.size === sealed.size && sha256(now.bytes) === sealed.sha256;
    return attributes(sealed, now.stat) ?? (same ? undefined : "content");
  };
  const link = ({ path, to }: SealedLink) => (tree.readlink(path) === to ? undefined : "link");
  try {
    each(seal.files, file);
    each(
      seal.directories.filter(({ path }) => !onDisk(seal, path)),
      (folder) => {
        const stat = tree.lstat(folder.path);
        if (!stat) return "missing";
        return stat.isDirectory() ? attributes(folder, stat) : "kind";
      },
    );
    each(
      seal.secretFiles.flatMap(({ path, link: to }) => (to === undefined ? [] : [{ path, to }])),
      link,
    );
    each(seal.links, link);
    each(seal.watched, (item) => ("to" in item ? link(item) : file(item)));
    for (const path of seal.drift?.paths ?? [])
      each([{ path }], () => {
        walk(tree, path, (at) => {
          if (!known.has(at)) found.push({ path: at, what: "added" });
        });
        return undefined;
      });
  } finally {
    tree.close();
  }
  return found;
}

function attributes(
  sealed: { uid: number; gid: number; mode: number },
  now: { uid: number; gid: number; mode: number },
): "mode" | "owner" | undefined {
  if ((now.mode & 0o7777) !== sealed.mode) return "mode";
  return now.uid !== sealed.uid || now.gid !== sealed.gid ? "owner" : undefined;
}

export function printDifferences(found: readonly Difference[]): string {
  const shown = found.slice(0, 5).map(({ path, what }) => `${path} (${what})`);
  return shown.join(", ") + (found.length > shown.length ? ` and ${found.length - shown.length} more` : "");
}
