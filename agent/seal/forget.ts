import { errorCode, parentOf, unlessMissing } from "../place/disk.ts";
import { stateFolder } from "../place/journal.ts";
import { onTree } from "../place/ontree.ts";
import { clearMemory, type Ground } from "../place/place.ts";
import { clearImmutable } from "./immutable.ts";
import { type Seal, sealPath } from "./seal.ts";

/**
 * Removes what another instance was given, secrets first, its seal last, so that a crash leaves it to be done again.
 * A file it replaced does not come back: the image's own version is gone from this copy of the disk.
 */
export function forget(ground: Ground, seal: Seal): void {
  clearImmutable(ground, seal);
  clearMemory(ground);
  onTree(ground, (tree) => {
    const touched = new Set<string>();
    const links = seal.secretFiles.filter(({ link }) => link !== undefined);
    for (const { path } of [...links, ...seal.links, ...seal.files]) {
      const stat = tree.lstat(path);
      if (!stat || stat.isDirectory()) continue;
      tree.unlink(path);
      touched.add(parentOf(path));
    }
    for (const folder of [...seal.made].reverse()) {
      try {
        tree.rmdir(folder);
        touched.add(parentOf(folder));
      } catch (error) {
        // What the application wrote there is not the agent's to delete.
        if (!["ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR", "EBUSY"].includes(errorCode(error))) throw error;
      }
    }
    for (const folder of touched) unlessMissing(() => tree.sync(folder));
    tree.unlink(sealPath);
    tree.sync(stateFolder);
  });
}
