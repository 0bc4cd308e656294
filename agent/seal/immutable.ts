import { runProgram } from "../handover/programs.ts";
import { onTree } from "../place/ontree.ts";
import type { Ground } from "../place/place.ts";
import { type Seal, sealPath } from "./seal.ts";

/** Folders stay open while chattr runs, so a seal of many folders takes more than one run. */
const atOnce = 200;

/**
 * Lets not even root change, replace or remove what is sealed, or the seal, by mistake. Only where this is the machine's
 * own root, and its file system and its chattr can. What goes wrong is said and stops nothing.
 */
export function setImmutable(ground: Ground, seal: Seal, say: (line: string) => void): void {
  const trouble = chattr(ground, seal, "+i");
  if (trouble !== undefined) say(`immutable: ${trouble}`);
}

/** Before anything sealed is removed. A file that stays immutable is found by the removal. */
export function clearImmutable(ground: Ground, seal: Seal): void {
  chattr(ground, seal, "-i");
}

/** Named through open folders, as chattr itself would follow a link above a file. */
function chattr(ground: Ground, seal: Seal, change: "+i" | "-i"): string | undefined {
  if (ground.root !== "" || ground.self.uid !== 0) return undefined;
  const paths = [...seal.files.map(({ path }) => path), sealPath];
  try {
    for (let from = 0; from < paths.length; from += atOnce) {
      const trouble = onTree(ground, (tree) => {
        const files = paths.slice(from, from + atOnce).filter((path) => tree.lstat(path)?.isFile());
        const done = runProgram("", "chattr", [change, ...files.map((path) => tree.outside(path))], 10_000);
        return done.status === 0 || files.length === 0
          ? undefined
          : done.trouble.replace(/\/proc\/\d+(\/fd\/\S+)/, (_, name) => tree.told(`/proc/self${name}`));
      });
      if (trouble !== undefined) return trouble;
    }
  } catch (error) {
    return error instanceof Error ? error.message : "failed";
  }
  return undefined;
}
