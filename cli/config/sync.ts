import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { isCode } from "./lock.ts";
import { eachTogether } from "./together.ts";

/**
 * Waits until files and their names are on the disk. All at once after they are written: a file system then flushes once for many
 * of them, where a flush after each write costs as much each time.
 */
export async function syncFiles(files: readonly string[]): Promise<void> {
  await eachTogether(files, syncOne);
  await eachTogether([...new Set(files.map(dirname))], syncOne);
}

/** A file, or the names in a folder. One that is gone needs nothing. */
export async function syncOne(path: string): Promise<void> {
  const opened = await open(path, constants.O_RDONLY).catch((problem: unknown) => {
    if (!isCode(problem, "ENOENT")) throw problem;
  });
  if (!opened) return;
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}
