import { type Disk, parentOf, unlessMissing } from "../place/disk.ts";
import { makeOwnFolder, stateFolder } from "../place/journal.ts";
import { onTree } from "../place/ontree.ts";

/** A file system that is being made: the only leave to write over something that is not blank. */
export interface Intent {
  instance: string;
  device: string;
  bytes: number;
  /** Of the file system, chosen beforehand: another one on the disk is somebody's data. */
  uuid: string;
}

interface On {
  disk: Disk;
  root: string;
}

const path = `${stateFolder}/disks.json`;

/** One for each disk that a run, killed or failed, has begun; also of disks that are not wanted at the moment. */
export function readIntents(on: On): Intent[] {
  const text = onTree(on, (tree) => unlessMissing(() => tree.read(path)))?.bytes.toString() ?? "[]";
  try {
    const found: unknown = JSON.parse(text);
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

/** It is on the disk before anything is done. */
export function writeIntents(on: On, intents: readonly Intent[]): void {
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  onTree(on, (tree) => {
    makeOwnFolder(tree, stateFolder, self);
    unlessMissing(() => tree.unlink(`${path}.new`));
    if (intents.length > 0) {
      tree.keep(tree.create(`${path}.new`, Buffer.from(JSON.stringify(intents)), { ...self, mode: 0o600 }));
      tree.rename(`${path}.new`, path);
    } else unlessMissing(() => tree.unlink(path));
    tree.sync(parentOf(path));
  });
}
