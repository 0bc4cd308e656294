import type fs from "node:fs";
import { loadFs } from "../edge/load.ts";

/** The calls placing makes, all synchronous; tests put one that fails in its place. */
export type Disk = Pick<
  typeof fs,
  | "openSync"
  | "closeSync"
  | "writeSync"
  | "readFileSync"
  | "fsyncSync"
  | "fstatSync"
  | "fchownSync"
  | "fchmodSync"
  | "renameSync"
  | "unlinkSync"
  | "mkdirSync"
  | "rmdirSync"
  | "symlinkSync"
  | "readlinkSync"
  | "readdirSync"
  | "lstatSync"
>;

export const realDisk: Disk = loadFs();

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** undefined when `path` is not there. */
export function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Folders between the root and `path`, outermost first, `path` not among them. */
export function foldersAbove(path: string): string[] {
  const found: string[] = [];
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) found.push(path.slice(0, end));
  return found;
}

/** At any depth, and not the folder itself. */
export function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}
