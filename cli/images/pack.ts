import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "tar";

/**
 * Packs folders into one tar.gz, later ones laid over earlier ones. The same contents always give the same bytes: names are
 * sorted, times and owners left out.
 */
export async function packFolders(folders: readonly string[], file: string): Promise<void> {
  const [only] = folders;
  if (folders.length === 1 && only !== undefined) return pack(only, file);
  const merged = await mkdtemp(join(tmpdir(), "moult-image-"));
  try {
    for (const folder of folders) await cp(folder, merged, { recursive: true, verbatimSymlinks: true, force: true });
    await pack(merged, file);
  } finally {
    await rm(merged, { recursive: true, force: true });
  }
}

async function pack(folder: string, file: string): Promise<void> {
  const names = await namesBelow(folder, "");
  await create({ file, cwd: folder, gzip: true, portable: true, noDirRecurse: true, mtime: new Date(0) }, names);
}

async function namesBelow(folder: string, prefix: string): Promise<string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true });
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const names: string[] = [];
  for (const entry of sorted) {
    const name = `${prefix}${entry.name}`;
    // tar reads a leading @ as "take over another archive".
    names.push(`./${name}`);
    if (entry.isDirectory()) names.push(...(await namesBelow(folder, `${name}/`)));
  }
  return names;
}
