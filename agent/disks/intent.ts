import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { stateFolder } from "../place/journal.ts";

/** A file system that is being made: the only leave to write over something that is not blank. */
export interface Intent {
  instance: string;
  device: string;
  bytes: number;
  /** Of the file system, chosen beforehand: another one on the disk is somebody's data. */
  uuid: string;
}

const file = (root: string) => `${root}${stateFolder}/disks.json`;

export function readIntent(root: string): Intent | undefined {
  try {
    return JSON.parse(readFileSync(file(root), "utf8"));
  } catch {
    return undefined;
  }
}

/** It is on the disk before anything is done. Disks are made one after another, so there is one. */
export function writeIntent(root: string, intent: Intent): void {
  const path = file(root);
  mkdirSync(root + stateFolder, { recursive: true, mode: 0o700 });
  rmSync(`${path}.new`, { force: true });
  synced(`${path}.new`, "wx", (fd) => writeSync(fd, JSON.stringify(intent)));
  renameSync(`${path}.new`, path);
  synced(root + stateFolder, "r");
}

export function removeIntent(root: string): void {
  rmSync(file(root), { force: true });
  synced(root + stateFolder, "r");
}

function synced(path: string, flags: "wx" | "r", act: (fd: number) => void = () => {}): void {
  const fd = openSync(path, flags, 0o600);
  try {
    act(fd);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
