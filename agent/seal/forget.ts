import { type Disk, errorCode, missingFolders, parentOf, syncFolder, unlessMissing } from "../place/disk.ts";
import { stateFolder } from "../place/journal.ts";
import { memoryFolder } from "../place/memory.ts";
import { failing, type Ground, removeTree } from "../place/place.ts";
import { type Seal, sealPath } from "./seal.ts";

/**
 * Removes what another instance was given, secrets first, its seal last, so that a crash leaves it to be done again.
 * A file it replaced does not come back: the image's own version is gone from this copy of the disk.
 */
export function forget({ disk, root }: Ground, seal: Seal): void {
  failing(() => {
    removeTree(disk, root + memoryFolder);
    for (const { path } of [...seal.secretFiles, ...seal.files]) remove(disk, root, path);
    for (const folder of [...seal.made].reverse()) removeFolder(disk, root, folder);
    disk.unlinkSync(root + sealPath);
    syncFolder(disk, root + stateFolder);
  });
}

function remove(disk: Disk, root: string, path: string): void {
  if (missingFolders(disk, root, path).length > 0) return;
  const stat = unlessMissing(() => disk.lstatSync(root + path));
  if (!stat || stat.isDirectory()) return;
  disk.unlinkSync(root + path);
  syncFolder(disk, root + parentOf(path) === "" ? "/" : root + parentOf(path));
}

/** Only when nothing is left in it: what the application wrote there is not the agent's to delete. */
function removeFolder(disk: Disk, root: string, path: string): void {
  try {
    disk.rmdirSync(root + path);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR", "EBUSY"].includes(errorCode(error))) throw error;
  }
}
