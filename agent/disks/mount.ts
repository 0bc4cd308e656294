import { statSync } from "node:fs";
import { runProgram } from "../handover/programs.ts";
import { Failure } from "../outcome.ts";
import { foldersAbove, parentOf } from "../place/disk.ts";
import { onTree } from "../place/ontree.ts";
import { followsNone, type Tree } from "../place/tree.ts";
import type { PlannedDisk } from "../plan/plan.ts";
import { onDisk, type Seal } from "../seal/seal.ts";
import type { Settling } from "../settle/settle.ts";
import { systemctl, unitStates } from "../settle/systemd.ts";
import { attached, devicePath, diskFailed } from "./device.ts";
import { unitNameOf } from "./escape.ts";

/** Every data disk is where it belongs, with the folders that are on it. Done again it changes nothing. */
export async function mountDisks(
  seal: Pick<Seal, "disks" | "directories">,
  about: Settling & { systemd: boolean },
): Promise<void> {
  for (const one of seal.disks) await (about.systemd ? mountByUnit : mountDirectly)(one, about);
  makeFolders(about, seal);
}

function mountByUnit({ device, mount }: PlannedDisk, { root, deadline }: Settling): void {
  const unit = `${unitNameOf(mount)}.mount`;
  if (systemctl(root, deadline.left(), "start", unit).status === 0) return;
  const [state = ""] = unitStates(root, deadline.left() + 1_000, [unit], "Id,LoadState,ActiveState,Result");
  throw diskFailed(device, `it is not mounted at ${mount}: ${state}`);
}

/** Where no systemd runs, its mount units mean nothing: the agent mounts by itself what is not mounted yet. */
async function mountDirectly(wanted: PlannedDisk, about: Settling): Promise<void> {
  const { device, fs, mount, options } = wanted;
  const { root, deadline } = about;
  await attached(wanted, about);
  const path = devicePath(root, device);
  const isMounted = onTree(about, (tree) => {
    makeFolder(tree, mount);
    const stat = tree.lstat(mount);
    // A link there would have the disk mounted over what somebody else chooses.
    if (!stat?.isDirectory())
      throw new Failure("path-refused", `${mount} is ${stat?.isSymbolicLink() ? followsNone : "not a folder"}`);
    if (stat.dev === tree.lstat(`${parentOf(mount)}/.`)?.dev) return false;
    const disk = statSync(path);
    if (disk.isBlockDevice() && disk.rdev !== stat.dev)
      throw diskFailed(device, `something else is mounted at ${mount}`);
    return true;
  });
  if (isMounted) return;
  const flags = options.length > 0 ? ["-o", options.join(",")] : [];
  const done = runProgram(root, "mount", ["-t", fs, ...flags, path, root + mount], deadline.left());
  if (done.status !== 0) throw diskFailed(device, `mount: ${done.trouble}`);
}

/**
 * Owner and mode of the mounted folders, and the manifest's folders on them: they are on the disk, not on the image.
 * Applications write to these disks: a link that one of them left is not followed.
 */
function makeFolders(
  about: Pick<Settling, "disk" | "root">,
  { disks, directories }: Pick<Seal, "disks" | "directories">,
): void {
  const onDisks = directories.filter(({ path }) => onDisk({ disks }, path));
  const mounts = disks.map(({ mount, owner, mode }) => ({ path: mount, uid: owner.uid, gid: owner.gid, mode }));
  onTree(about, (tree) => {
    for (const folder of [...mounts, ...onDisks]) {
      makeFolder(tree, folder.path);
      tree.setFolder(folder.path, folder);
    }
  });
}

/** With those above it, whatever the umask is. */
function makeFolder(tree: Tree, path: string): void {
  for (const folder of foldersAbove(`${path}/`))
    if (!tree.lstat(folder)) {
      tree.mkdir(folder);
      tree.setFolder(folder, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o755 });
    }
}
