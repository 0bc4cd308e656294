import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { beneath } from "./root.ts";

/** Where Compute's udev rules put an attached disk. */
export function attachDisk(root: string, { device, sizeGb }: { device: string; sizeGb: number }): void {
  const path = beneath(root, `/dev/disk/by-id/google-${device}`);
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, "wx");
  // Sparse: it takes no room before somebody writes.
  ftruncateSync(fd, sizeGb * 1024 ** 3);
  closeSync(fd);
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
