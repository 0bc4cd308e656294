import { existsSync, statfsSync } from "node:fs";
import { Failure } from "../outcome.ts";
import { foldersAbove, isBelow } from "./disk.ts";

/** Holds the bytes of files with secrets. Everything in it is the agent's and is made again at each boot. */
export const memoryFolder = "/run/moult";

export function inMemory(path: string): boolean {
  return isBelow(`${path}/`, memoryFolder);
}

/**
 * Where the bytes of a destination with a secret are, and the relative link that leads there; no link for a destination
 * that is in memory itself.
 */
export function memoryOf(path: string): { target: string; link?: string } {
  if (inMemory(path)) return { target: path };
  const target = `${memoryFolder}/files${path}`;
  return { target, link: "../".repeat(foldersAbove(path).length) + target.slice(1) };
}

const tmpfs = 0x01021994;
const ramfs = 0x858458f6;

/**
 * Secrets never touch a persistent disk, so /run/moult must be memory. Under another root it is whatever that root's
 * maker gave it, which the agent cannot judge.
 */
export function requireMemory(root: string): void {
  if (root !== "") return;
  const folder = existsSync(memoryFolder) ? memoryFolder : "/run";
  const { type } = statfsSync(folder);
  if (type !== tmpfs && type !== ramfs)
    throw new Failure("not-in-memory", `${folder} is not a tmpfs or ramfs, and secrets are not written to disks`);
}
