import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** A root file system in one folder, or in several that are laid over one another as `moult image create --from` does. */
export interface Root {
  /** Undefined when there is no such file. */
  read(path: string): Promise<string | undefined>;
  /** Names in a folder of any layer; empty when there is none. */
  names(path: string): Promise<string[]>;
}

/** As many as Linux follows. */
const MOST_LINKS = 40;

/**
 * Links are followed as they will be on the machine: an absolute one begins at this root, never at that of the computer that
 * bakes, and none leaves it.
 */
export function openRoot(layers: readonly string[]): Root {
  const nearest = [...layers].reverse();

  /** The path without links, and the layer it is in. */
  async function resolve(path: string): Promise<{ layer: string; path: string } | undefined> {
    let left = parts(path);
    let done: string[] = [];
    let layer = nearest[0] ?? "";
    let links = 0;
    while (left.length > 0) {
      const [name = "", ...rest] = left;
      left = rest;
      if (name === "..") {
        done = done.slice(0, -1);
        continue;
      }
      const here = [...done, name].join("/");
      const found = await inLayers(nearest, here);
      if (!found) return undefined;
      layer = found.layer;
      if (!found.link) {
        done = [...done, name];
        continue;
      }
      links++;
      if (links > MOST_LINKS) return undefined;
      const target = await readlink(join(layer, here));
      if (target.startsWith("/")) done = [];
      left = [...parts(target), ...left];
    }
    return { layer, path: done.join("/") };
  }

  return {
    read: async (path) => {
      const found = await resolve(path);
      return found && absent(readFile(join(found.layer, found.path), "utf8"));
    },
    names: async (path) => {
      const found = await resolve(path);
      if (!found) return [];
      const all = await Promise.all(nearest.map((layer) => absent(readdir(join(layer, found.path)))));
      return [...new Set(all.flatMap((names) => names ?? []))].sort();
    },
  };
}

const parts = (path: string) => path.split("/").filter((part) => part !== "" && part !== ".");

async function inLayers(layers: readonly string[], path: string) {
  for (const layer of layers) {
    const found = await absent(lstat(join(layer, path)));
    if (found) return { layer, link: found.isSymbolicLink() };
  }
  return undefined;
}

async function absent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (problem) {
    const { code }: { code?: unknown } = Object(problem);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw problem;
  }
}
