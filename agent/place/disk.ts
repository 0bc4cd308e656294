import fs from "node:fs";
import { Failure } from "../outcome.ts";

/** The calls placing makes, all synchronous; tests put one that fails in its place. */
export type Disk = Pick<
  typeof fs,
  | "openSync"
  | "closeSync"
  | "writeSync"
  | "readFileSync"
  | "fsyncSync"
  | "fchownSync"
  | "fchmodSync"
  | "renameSync"
  | "unlinkSync"
  | "mkdirSync"
  | "rmdirSync"
  | "symlinkSync"
  | "readlinkSync"
  | "readdirSync"
  | "lstatSync"
>;

export const realDisk: Disk = fs;

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, O_RDONLY, O_DIRECTORY } = fs.constants;

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** undefined when `path` is not there. */
export function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Creates a file that was not there. Owner before mode, because chown clears set-id bits; both before content. */
export function createFile(
  disk: Disk,
  path: string,
  bytes: Buffer,
  owner: { uid: number; gid: number },
  mode: number,
): void {
  const fd = disk.openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    disk.fchownSync(fd, owner.uid, owner.gid);
    disk.fchmodSync(fd, mode);
    for (let written = 0; written < bytes.length; ) written += disk.writeSync(fd, bytes, written);
    disk.fsyncSync(fd);
  } finally {
    disk.closeSync(fd);
  }
}

export function readNoFollow(disk: Disk, path: string): Buffer {
  const fd = disk.openSync(path, O_RDONLY | O_NOFOLLOW);
  try {
    return disk.readFileSync(fd);
  } finally {
    disk.closeSync(fd);
  }
}

/** Makes renames and new names in a folder last. */
export function syncFolder(disk: Disk, path: string): void {
  withFolder(disk, path, (fd) => disk.fsyncSync(fd));
}

export function setFolder(disk: Disk, path: string, owner: { uid: number; gid: number }, mode: number): void {
  withFolder(disk, path, (fd) => {
    disk.fchownSync(fd, owner.uid, owner.gid);
    disk.fchmodSync(fd, mode);
    disk.fsyncSync(fd);
  });
}

function withFolder(disk: Disk, path: string, act: (fd: number) => void): void {
  const fd = disk.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    act(fd);
  } finally {
    disk.closeSync(fd);
  }
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Folders between the root and `path`, outermost first, `path` not among them. */
export function foldersAbove(path: string): string[] {
  const found: string[] = [];
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) found.push(path.slice(0, end));
  return found;
}

/**
 * Requires every folder above `path` (below the root) to be a real folder or missing, and returns the missing ones.
 * A link there would let whoever owns it choose where the agent writes.
 */
export function missingFolders(disk: Disk, root: string, path: string): string[] {
  const missing: string[] = [];
  for (const folder of foldersAbove(path)) {
    const stat = missing.length > 0 ? undefined : unlessMissing(() => disk.lstatSync(root + folder));
    if (stat === undefined) missing.push(folder);
    else if (!stat.isDirectory())
      throw new Failure(
        "path-refused",
        `${path}: ${folder} is ${stat.isSymbolicLink() ? "a link, and links are not followed" : "not a folder"}`,
      );
  }
  return missing;
}
