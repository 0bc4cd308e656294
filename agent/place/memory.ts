import { statfsSync } from "node:fs";
import { Failure } from "../outcome.ts";
import { foldersAbove } from "./disk.ts";

/** Holds the bytes of files with secrets. Everything in it is the agent's and is made again at each boot. */
export const memoryFolder = "/run/moult";

/** Where the bytes of a destination with a secret are, and the relative link that leads there. */
export function inMemory(path: string): { target: string; link: string } {
  const target = `${memoryFolder}/files${path}`;
  return { target, link: "../".repeat(foldersAbove(path).length) + target.slice(1) };
}

const tmpfs = 0x01021994;
const ramfs = 0x858458f6;

/**
 * Secrets never touch a persistent disk, so /run must be memory. Under another root it is whatever that root's maker
 * gave it, which the agent cannot judge.
 */
export function requireMemory(root: string): void {
  if (root !== "") return;
  const { type } = statfsSync("/run");
  if (type !== tmpfs && type !== ramfs)
    throw new Failure("not-in-memory", "/run is not a tmpfs or ramfs, and secrets are not written to disks");
}
