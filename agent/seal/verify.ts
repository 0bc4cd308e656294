import { type Disk, errorCode, readNoFollow } from "../place/disk.ts";
import { sha256 } from "../plan/pack.ts";
import type { Seal } from "./seal.ts";

export interface Difference {
  path: string;
  what: "missing" | "content" | "mode" | "owner" | "kind" | "link";
}

/** Compares the disk with its seal: what was sealed, and nothing else. Bytes in memory are not part of it. */
export function differences(disk: Disk, root: string, seal: Seal): Difference[] {
  const found: Difference[] = [];
  /** @returns whether it is of the right kind, so that its content can be looked at. */
  const look = (sealed: { path: string; uid: number; gid: number; mode: number }, kind: "file" | "folder"): boolean => {
    const { path } = sealed;
    const stat = disk.lstatSync(root + path);
    const right = kind === "file" ? stat.isFile() : stat.isDirectory();
    if (!right) found.push({ path, what: "kind" });
    else if ((stat.mode & 0o7777) !== sealed.mode) found.push({ path, what: "mode" });
    else if (stat.uid !== sealed.uid || stat.gid !== sealed.gid) found.push({ path, what: "owner" });
    return right;
  };
  const each = <T extends { path: string }>(items: readonly T[], compare: (item: T) => void) => {
    for (const item of items) {
      try {
        compare(item);
      } catch (error) {
        const code = errorCode(error);
        if (code === "") throw error;
        found.push({ path: item.path, what: code === "ENOENT" || code === "ENOTDIR" ? "missing" : "kind" });
      }
    }
  };
  each(seal.files, (file) => {
    if (look(file, "file") && sha256(readNoFollow(disk, root + file.path)) !== file.sha256)
      found.push({ path: file.path, what: "content" });
  });
  each(seal.directories, (folder) => look(folder, "folder"));
  each(seal.secretFiles, (file) => {
    if (disk.readlinkSync(root + file.path) !== file.link) found.push({ path: file.path, what: "link" });
  });
  return found;
}

export function printDifferences(found: readonly Difference[]): string {
  const shown = found.slice(0, 5).map(({ path, what }) => `${path} (${what})`);
  return shown.join(", ") + (found.length > shown.length ? ` and ${found.length - shown.length} more` : "");
}
