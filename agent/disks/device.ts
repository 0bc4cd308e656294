import { closeSync, existsSync, openSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Deadline, Edge } from "../edge/deadline.ts";
import { runProgram } from "../handover/programs.ts";
import { Failure } from "../outcome.ts";
import type { PlannedDisk } from "../plan/plan.ts";

/** Where Compute's udev rules put a disk. Under another root a plain file there stands for it. */
export function devicePath(root: string, device: string): string {
  return `${root}/dev/disk/by-id/google-${device}`;
}

const sayAfterMs = 3_000;

/** Waits until the disk is there; udev may be behind the kernel, and a stateful disk is attached while the machine boots. */
export async function attached(
  { device, withinMs }: PlannedDisk,
  { root, edge, deadline }: { root: string; edge: Edge; deadline: Deadline },
): Promise<void> {
  const end = edge.now() + Math.min(withinMs, deadline.left());
  let said = edge.now();
  for (let pause = 20; !existsSync(devicePath(root, device)); pause = Math.min(500, pause * 2)) {
    const left = end - edge.now();
    if (left <= 0) throw new Failure("disk-missing", `The disk ${device} was not attached within its time`);
    if (edge.now() - said >= sayAfterMs) {
      edge.say(`disks: ${device} is not attached yet`);
      said = Number.POSITIVE_INFINITY;
    }
    await edge.sleep(Math.min(pause, left));
  }
}

export function diskFailed(device: string, why: string): Failure {
  return new Failure("disk-failed", `The disk ${device}: ${why}`);
}

/** What low-level probing finds. Undefined: no content that is known, which is not the same as no content. */
export interface Found {
  /** For people: `ext4`, `a partition table (gpt)`. */
  kind: string;
  fs: string | undefined;
  uuid: string | undefined;
}

export function probe(root: string, device: string, timeoutMs: number): Found | undefined {
  const path = devicePath(root, device);
  const { status, stdout, trouble } = runProgram(root, "blkid", ["-p", "-o", "export", path], timeoutMs);
  if (status === 2) return undefined;
  // 8: signatures of several file systems stand on it at once.
  if (status === 8) return { kind: "content of several kinds", fs: undefined, uuid: undefined };
  if (status !== 0) throw diskFailed(device, `blkid: ${trouble}`);
  const word = (name: string) => new RegExp(`^${name}=([\\w.+-]{1,40})$`, "m").exec(stdout)?.[1];
  const fs = word("TYPE");
  return { kind: fs ?? `a partition table (${word("PTTYPE")})`, fs, uuid: word("UUID") };
}

/** Bytes of the disk. The kernel gives it in sectors of 512, whatever the disk's own are. */
export function sizeOf(root: string, device: string): number {
  const path = devicePath(root, device);
  const stat = statSync(path);
  if (stat.isFile() && root !== "") return stat.size;
  if (!stat.isBlockDevice()) throw diskFailed(device, "it is no block device");
  return Number(readFileSync(`/sys/class/block/${basename(realpathSync(path))}/size`, "utf8")) * 512;
}

/** Whether the first and the last MiB are zeros: data that no program knows must not be taken for an empty disk. */
export function isBlank(path: string, size: number): boolean {
  const bytes = Math.min(size, 1024 * 1024);
  const fd = openSync(path, "r");
  try {
    return [0, size - bytes].every((from) => {
      const read = Buffer.alloc(bytes, 1);
      for (let got = 0; got < bytes; ) {
        const more = readSync(fd, read, got, bytes - got, from + got);
        if (more === 0) return false;
        got += more;
      }
      return read.equals(Buffer.alloc(bytes));
    });
  } finally {
    closeSync(fd);
  }
}
