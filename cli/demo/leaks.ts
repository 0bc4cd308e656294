import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** Instances' /run is the stand-in for a tmpfs: the one place where a secret may be. */
const TMPFS = /^instances\/[^/]+\/root\/run$/;

/** Every spelling of a value that a careless program leaves behind: as it is, as hex, and inside base64 at any offset. */
export function spellings(value: Buffer): Buffer[] {
  const inBase64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), value]).toString("base64");
    // Characters that also depend on what stands before or after the value.
    return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + value.length) * 8) / 6));
  });
  const urlSafe = inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  return [value, ...[value.toString("hex"), ...inBase64, ...urlSafe].map((text) => Buffer.from(text))];
}

/** Files below `folder` that hold the value in any spelling. Links are not followed. */
export async function findLeaks(folder: string, value: Buffer): Promise<string[]> {
  const needles = spellings(value);
  const found: string[] = [];
  const visit = async (path: string): Promise<void> => {
    const name = relative(folder, path).split(sep).join("/");
    if (TMPFS.test(name)) return;
    // Machines come and go while this looks.
    for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
      const below = join(path, entry.name);
      if (entry.isDirectory()) await visit(below);
      else if (entry.isFile()) {
        const bytes = await readFile(below).catch(() => Buffer.alloc(0));
        if (needles.some((needle) => bytes.includes(needle))) found.push(relative(folder, below));
      }
    }
  };
  await visit(folder);
  return found;
}
