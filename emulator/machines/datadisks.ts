import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beneath } from "./root.ts";

/**
 * Disks of machines that are processes. While it is attached, a disk is part of its machine: a sparse file where udev would
 * show the device, and what is mounted is the folder at its place. Detached, both lie in a folder of the disk's own, from
 * which the next machine takes them. Everything is moved, never copied.
 */
export interface AttachedDisk {
  device: string;
  sizeGb: number;
  /** Of a disk that may outlive its machine; such a one is found again by it. */
  id?: string;
}

/** Device name → where it is mounted, of one machine. */
type Mounts = Record<string, string>;

const deviceAt = (root: string, device: string) => beneath(root, `/dev/disk/by-id/google-${device}`);

/** Where detached disks lie, seen from the folder of an instance. */
const disksBeside = (folder: string) => join(dirname(dirname(folder)), "disks");

const mountsFile = (folder: string) => join(folder, "mounts.json");

function mountsOf(folder: string): Mounts {
  const file = mountsFile(folder);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Mounts) : {};
}

/** @param folder of the instance; `root` in it is its boot disk. */
export function attachDisk(folder: string, { device, sizeGb, id }: AttachedDisk): void {
  const path = deviceAt(join(folder, "root"), device);
  mkdirSync(dirname(path), { recursive: true });
  const own = id === undefined ? undefined : join(disksBeside(folder), id, "device");
  if (own !== undefined && existsSync(own) && !existsSync(path)) renameSync(own, path);
  if (id !== undefined) writeFileSync(idFile(folder, device), id);
  const fd = openSync(path, "a+");
  // Sparse: it takes no room before somebody writes. A disk only ever grows.
  if (fstatSync(fd).size < sizeGb * 1024 ** 3) ftruncateSync(fd, sizeGb * 1024 ** 3);
  closeSync(fd);
}

const idFile = (folder: string, device: string) => join(folder, `disk-${device}`);

/** Takes a disk from a machine, with all that was written to it. */
export function detachDisk(folder: string, { device, id }: { device: string; id: string }): void {
  const root = join(folder, "root");
  const own = join(disksBeside(folder), id);
  mkdirSync(own, { recursive: true });
  if (existsSync(deviceAt(root, device))) moveOver(deviceAt(root, device), join(own, "device"));
  const { [device]: where, ...rest } = mountsOf(folder);
  rmSync(idFile(folder, device), { force: true });
  if (where === undefined) return;
  const mounted = beneath(root, where);
  if (existsSync(mounted)) {
    moveOver(mounted, join(own, "files"));
    // The mount point stays where the disk was.
    mkdirSync(mounted);
  }
  writeFileSync(mountsFile(folder), JSON.stringify(rest));
}

/** Where an attached disk's device and files are, with the names they have once it is detached. */
export function partsOf(folder: string, device: string): [path: string, name: string][] {
  const root = join(folder, "root");
  const where = mountsOf(folder)[device];
  return [
    [deviceAt(root, device), "device"],
    ...(where === undefined ? [] : [[beneath(root, where), "files"] as [string, string]]),
  ];
}

function moveOver(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
}

/** A boot disk that outlives its machine, as a whole. */
export function detachBootDisk(folder: string, id: string): void {
  const root = join(folder, "root");
  if (!existsSync(root)) return;
  const own = join(disksBeside(folder), id);
  mkdirSync(own, { recursive: true });
  moveOver(root, join(own, "root"));
}

export function attachBootDisk(folder: string, id: string): void {
  const own = join(disksBeside(folder), id, "root");
  if (existsSync(own) && !existsSync(join(folder, "root"))) renameSync(own, join(folder, "root"));
}

/** Shows at the mount point what the disk holds. What a folder of that name held before is hidden, as by a real mount. */
export function mountDisk(folder: string, what: string, where: string): void {
  const root = join(folder, "root");
  const point = beneath(root, where);
  const device = /^\/dev\/disk\/by-id\/google-(.+)$/.exec(what)?.[1];
  const mounts = mountsOf(folder);
  if (device !== undefined && mounts[device] !== where) {
    const id = existsSync(idFile(folder, device)) ? readFileSync(idFile(folder, device), "utf8") : undefined;
    const files = id === undefined ? undefined : join(disksBeside(folder), id, "files");
    if (files !== undefined && existsSync(files)) {
      mkdirSync(dirname(point), { recursive: true });
      moveOver(files, point);
    }
    writeFileSync(mountsFile(folder), JSON.stringify({ ...mounts, [device]: where }));
  }
  mkdirSync(point, { recursive: true });
}

/** The file system a stand-in of mkfs has made on a disk; undefined when there is none. */
export function madeOn(root: string, what: string): string | undefined {
  const path = beneath(root, what);
  if (!existsSync(path)) return undefined;
  return /^moult-fs (\S+) /.exec(firstBytes(path))?.[1];
}

function firstBytes(path: string): string {
  // A disk may be large: no more than its beginning is read.
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(200);
    readSync(fd, bytes, 0, bytes.length, 0);
    return bytes.toString("latin1");
  } finally {
    closeSync(fd);
  }
}

/** Nothing here can mount, so that real file systems would be of no use: one line at the disk's start says which was made. */
const MKFS = `#!/bin/sh
for word; do
  [ "$before" = -U ] && uuid=$word
  case $word in uuid=*) uuid=\${word#uuid=} ;; esac
  before=$word
done
printf 'moult-fs %s %s\\n' "\${0##*mkfs.}" "$uuid" | dd of="$before" conv=notrunc 2>/dev/null
`;

const BLKID = `#!/bin/sh
for disk; do :; done
set -- $(head -c 200 "$disk" | tr -d '\\000' | grep -a '^moult-fs ')
[ $# = 3 ] || exit 2
printf 'TYPE=%s\\nUUID=%s\\nUSAGE=filesystem\\n' "$2" "$3"
`;

/** Name → text of the programs that prepare a disk. */
export const diskPrograms = { "mkfs.ext4": MKFS, "mkfs.xfs": MKFS, blkid: BLKID };
