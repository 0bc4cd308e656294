import { constants, type Stats } from "node:fs";
import { Failure } from "../outcome.ts";
import { type Disk, errorCode, parentOf } from "./disk.ts";
import { inMemory } from "./memory.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_WRONLY, O_RDONLY, O_DIRECTORY } = constants;
/** Of Linux; Node does not name it. Such a descriptor only stands for the folder, and no right to read it is needed. */
const O_PATH = 0o10000000;
const fdFolder = "/proc/self/fd/";
/** Folders kept open at a time; the usual limit of a process is 1024. */
const mostOpen = 300;

export interface Attributes {
  uid: number;
  gid: number;
  mode: number;
}

/**
 * Names below a root, as the machine has them ("/etc/web/a"; "" is the root itself). Each folder is opened once, as an
 * entry of the folder before it and never through a link, and everything in it is named through that descriptor: Linux
 * leads `/proc/self/fd/N/name` to the very folder that was opened, as openat(2) does, whatever stands at its path by then.
 * Without /proc, paths are walked and checked in the same way, but named anew in each call.
 */
export class Tree {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #byDescriptor: boolean;
  readonly #folders = new Map<string, number>();

  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
    this.#byDescriptor = disk.lstatSync(fdFolder, { throwIfNoEntry: false }) !== undefined;
  }

  lstat(path: string): Stats | undefined {
    try {
      return this.#disk.lstatSync(this.#start(path), { throwIfNoEntry: false });
    } catch (error) {
      // A folder above it is missing.
      if (errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  readlink(path: string): string {
    return this.#disk.readlinkSync(this.#start(path));
  }

  readdir(path: string): string[] {
    return this.#disk.readdirSync(this.#inside(path));
  }

  mkdir(path: string, mode = 0o700): void {
    this.#disk.mkdirSync(this.#start(path), mode);
  }

  rmdir(path: string): void {
    this.#forget(path);
    this.#disk.rmdirSync(this.#start(path));
  }

  unlink(path: string): void {
    this.#disk.unlinkSync(this.#start(path));
  }

  symlink(text: string, path: string): void {
    this.#disk.symlinkSync(text, this.#start(path));
  }

  rename(from: string, to: string): void {
    this.#forget(from);
    const name = this.#start(from);
    this.#disk.renameSync(name, this.#name(to));
  }

  /**
   * Makes a file that was not there. First it has no mode at all, then its owner, then its mode, because chown clears
   * set-id bits, then its bytes, then set-id bits again, because writing clears them.
   * @returns its descriptor, to be given to `keep`.
   */
  create(path: string, bytes: Buffer, { uid, gid, mode }: Attributes): number {
    const disk = this.#disk;
    const fd = disk.openSync(this.#start(path), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0);
    try {
      disk.fchownSync(fd, uid, gid);
      disk.fchmodSync(fd, mode & 0o1777);
      for (let written = 0; written < bytes.length; ) written += disk.writeSync(fd, bytes, written);
      if (mode > 0o1777) disk.fchmodSync(fd, mode);
      return fd;
    } catch (error) {
      disk.closeSync(fd);
      throw error;
    }
  }

  /** Makes the bytes of a created file last; those in memory last as they are. */
  keep(fd: number, lasting = true): void {
    try {
      if (lasting) this.#disk.fsyncSync(fd);
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  /**
   * Bytes and attributes of one and the same file; undefined when it is no plain file. Waits for no pipe.
   * @param size with it, no bytes are read of a file of another size: others may have made it larger than memory.
   */
  read(path: string, size?: number): { bytes: Buffer; stat: Stats } | undefined {
    const fd = this.#disk.openSync(this.#start(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stat = this.#disk.fstatSync(fd);
      if (!stat.isFile()) return undefined;
      return { bytes: size === undefined || size === stat.size ? this.#disk.readFileSync(fd) : Buffer.alloc(0), stat };
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  /** Whether a plain file may not even be replaced: chattr's `i` and `a`, as a try to open it for writing tells. */
  isImmutable(path: string): boolean {
    try {
      this.#disk.closeSync(this.#disk.openSync(this.#start(path), O_WRONLY | O_NOFOLLOW | O_NONBLOCK));
    } catch (error) {
      return errorCode(error) === "EPERM";
    }
    return false;
  }

  /** Makes new names in a folder last. */
  sync(path: string): void {
    this.#inFolder(path, (fd) => this.#disk.fsyncSync(fd));
  }

  /** Changes what differs, so that a folder that only gets another mode is never seen with a third. */
  setFolder(path: string, { uid, gid, mode }: Attributes): void {
    this.#inFolder(path, (fd) => {
      const now = this.#disk.fstatSync(fd);
      const moves = now.uid !== uid || now.gid !== gid;
      // Between two owners nobody gets more than both of them had.
      if (moves && (now.mode & 0o7777) !== mode) this.#disk.fchmodSync(fd, now.mode & mode & 0o777);
      if (moves) this.#disk.fchownSync(fd, uid, gid);
      if (moves || (now.mode & 0o7777) !== mode) this.#disk.fchmodSync(fd, mode);
      if (!inMemory(path)) this.#disk.fsyncSync(fd);
    });
  }

  /** A path for another program of this machine, good while the tree is open. */
  outside(path: string): string {
    return this.#name(path).replace("/self/", `/${process.pid}/`);
  }

  /** The machine's name of what a failed call named. */
  told(name: string): string {
    const [, fd, rest = ""] = /^\/proc\/self\/fd\/(\d+)(.*)$/s.exec(name) ?? [];
    for (const [path, open] of this.#folders) if (String(open) === fd) return path + rest;
    return name;
  }

  close(): void {
    for (const fd of this.#folders.values()) this.#disk.closeSync(fd);
    this.#folders.clear();
  }

  #inFolder(path: string, act: (fd: number) => void): void {
    const fd = this.#disk.openSync(this.#inside(path), O_RDONLY | O_DIRECTORY);
    try {
      act(fd);
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  /** A folder under the name it has for itself. */
  #inside(path: string): string {
    return `${this.#start(`${path}/`)}.`;
  }

  /** The name for a call; with it begins what may close folders of earlier calls. */
  #start(path: string): string {
    if (this.#folders.size > mostOpen) this.close();
    return this.#name(path);
  }

  #name(path: string, wanted = path): string {
    const folder = parentOf(path);
    const fd = this.#folder(folder, wanted);
    return (this.#byDescriptor ? fdFolder + fd : this.#root + folder) + path.slice(folder.length);
  }

  #folder(path: string, wanted: string): number {
    const known = this.#folders.get(path);
    // Paths that are named anew are looked at anew.
    if (known !== undefined && this.#byDescriptor) return known;
    const name = path === "" ? this.#root || "/" : this.#name(path, wanted);
    let fd: number;
    try {
      fd = this.#disk.openSync(name, O_DIRECTORY | (path === "" ? 0 : O_NOFOLLOW) | (this.#byDescriptor ? O_PATH : 0));
    } catch (error) {
      if (!["ENOTDIR", "ELOOP"].includes(errorCode(error))) throw error;
      const link = this.#disk.lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink();
      throw new Failure("path-refused", `${wanted}: ${path} is ${link ? followsNone : "not a folder"}`);
    }
    if (known !== undefined) this.#disk.closeSync(known);
    this.#folders.set(path, fd);
    return fd;
  }

  /** Closes what is known at and below a path that is about to lead elsewhere. */
  #forget(path: string): void {
    for (const [folder, fd] of this.#folders)
      if (`${folder}/`.startsWith(`${path}/`)) {
        this.#folders.delete(folder);
        this.#disk.closeSync(fd);
      }
  }
}

export const followsNone = "a link, and links are not followed";
