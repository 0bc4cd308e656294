import { lstatSync, mkdirSync } from "node:fs";
import type { Deadline, Edge } from "../edge/deadline.ts";
import { runProgram } from "../handover/programs.ts";
import { type Disk, foldersAbove, parentOf } from "../place/disk.ts";
import { onTree } from "../place/ontree.ts";
import type { PlannedDisk } from "../plan/plan.ts";
import { onDisk, type Seal } from "../seal/seal.ts";
import { attached, devicePath, diskFailed } from "./device.ts";

/** Where no systemd runs, its mount units mean nothing: the agent mounts by itself what is not mounted yet. */
export async function mountDirectly(disk: PlannedDisk, about: { root: string; edge: Edge; deadline: Deadline }) {
  const { device, fs, mount, options } = disk;
  const { root, deadline } = about;
  await attached(disk, about);
  const at = root + mount;
  mkdirSync(at, { recursive: true });
  if (lstatSync(at).dev !== lstatSync(parentOf(at) || "/").dev) return;
  const flags = options.length > 0 ? ["-o", options.join(",")] : [];
  const done = runProgram(root, "mount", ["-t", fs, ...flags, devicePath(root, device), at], deadline.left());
  if (done.status !== 0) throw diskFailed(device, `mount: ${done.trouble}`);
}

/**
 * Owner and mode of the mounted folders, and the manifest's folders on them: they are on the disk, not on the image.
 * Applications write to these disks: a link that one of them left is not followed.
 */
export function makeFolders(
  disk: Disk,
  root: string,
  { disks, directories }: Pick<Seal, "disks" | "directories">,
): void {
  const onDisks = directories.filter(({ path }) => onDisk({ disks }, path));
  const mounts = disks.map(({ mount, owner, mode }) => ({ path: mount, uid: owner.uid, gid: owner.gid, mode }));
  onTree({ disk, root }, (tree) => {
    for (const folder of [...mounts, ...onDisks]) {
      for (const path of [...foldersAbove(folder.path), folder.path])
        if (!tree.lstat(path)) {
          tree.mkdir(path);
          tree.setFolder(path, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o755 });
        }
      tree.setFolder(folder.path, folder);
    }
  });
}
