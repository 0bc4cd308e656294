import { lstatSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { errorCode, unlessMissing } from "../../place/disk.ts";
import { inMemory } from "../../place/memory.ts";
import { octal } from "../../report/compose.ts";
import { unifiedDiff } from "./diff.ts";
import type { Item } from "./items.ts";

/** What would change at one path. */
export interface Change {
  path: string;
  /** In few words: `new`, `content`, `mode 0755 -> 0750`, … */
  how: string[];
  /** For a file without secrets whose content changes: a unified diff with its head. */
  diff: string[];
}

/**
 * Compares what an instance would get with a disk. What stands in files with secrets is not compared: the disk's side would
 * be the secret. Owners are compared as root only: nobody else could have made them right.
 */
export function changesOn(root: string, items: readonly Item[]): Change[] {
  const asRoot = process.getuid?.() === 0;
  return items.flatMap((item) => {
    try {
      const { how, diff } = compare(root, item, asRoot);
      return how.length > 0 ? [{ path: item.path, how, diff }] : [];
    } catch (error) {
      if (errorCode(error) === "") throw error;
      return [{ path: item.path, how: [`cannot be read: ${errorCode(error)}`], diff: [] }];
    }
  });
}

function compare(root: string, item: Item, asRoot: boolean): { how: string[]; diff: string[] } {
  const { path, bytes, link, what } = item;
  const now = unlessMissing(() => lstatSync(root + path));
  if (link !== undefined) {
    const to = now?.isSymbolicLink() ? readlinkSync(root + path) : undefined;
    return { how: to === link ? [] : [now ? `link to ${link}` : `new link to ${link}`], diff: [] };
  }
  if (what === "secret") {
    if (!now) return { how: ["new, with a secret"], diff: [] };
    return { how: now.isSymbolicLink() || inMemory(path) ? [] : ["a link to a secret in memory"], diff: [] };
  }
  if (!bytes) {
    if (!now) return { how: ["new directory"], diff: [] };
    return { how: now.isDirectory() ? rights(item, now, asRoot) : ["a directory"], diff: [] };
  }
  if (!now) return { how: ["new"], diff: diffOf(path, undefined, bytes) };
  if (!now.isFile()) return { how: ["a file"], diff: [] };
  const old = readFileSync(root + path);
  const same = old.equals(bytes);
  return {
    how: [...(same ? [] : ["content"]), ...rights(item, now, asRoot)],
    diff: same ? [] : diffOf(path, old, bytes),
  };
}

function rights({ mode, numbers, owner }: Item, now: Stats, asRoot: boolean): string[] {
  const [old, wanted] = [octal(now.mode & 0o7777), octal(mode ?? 0)];
  const given = numbers === undefined || (now.uid === numbers.uid && now.gid === numbers.gid);
  return [
    ...(old === wanted ? [] : [`mode ${old} -> ${wanted}`]),
    ...(given || !asRoot ? [] : [`owner ${now.uid}:${now.gid} -> ${owner}`]),
  ];
}

function diffOf(path: string, old: Buffer | undefined, fresh: Buffer): string[] {
  const head = [`--- ${old ? path : "/dev/null"}`, `+++ ${path}`];
  if (old?.includes(0) || fresh.includes(0)) return [...head, "(not text)"];
  return [...head, ...unifiedDiff(old?.toString() ?? "", fresh.toString())];
}
