import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../../agent/finding.ts";
import { sha256 } from "../../agent/plan/pack.ts";
import { CliError, EXIT } from "../failure.ts";
import { isCode } from "./lock.ts";
import { goodPath } from "./paths.ts";
import { nowNs, type StatIndex } from "./statindex.ts";

/** Templates and sources of a configuration folder. */
export const FILES = "files";
export const MANIFEST = "manifest.yaml";

export interface WorkTree {
  /** Path below files/ → digest. */
  tree: Record<string, string>;
  /** Digest → size in bytes. */
  sizes: Map<string, number>;
  findings: Finding[];
}

/** Looks at every file below files/. With an index only those are read that changed since they were read last. */
export function readWorkTree(folder: string, index?: StatIndex): WorkTree {
  const tree = new Map<string, string>();
  const sizes = new Map<string, number>();
  const findings: Finding[] = [];
  const note = (path: string, code: string, sentence: string) =>
    findings.push({ where: join(FILES, path), line: 1, column: 1, code, sentence });
  for (const path of pathsBelow(join(folder, FILES), "")) {
    if (!goodPath(path)) {
      note(
        JSON.stringify(path),
        "path-not-plain",
        "A commit holds no name with control characters or \\, none over 255 bytes and no path over 1024: rename it.",
      );
      continue;
    }
    const file = join(folder, FILES, path);
    const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    if (!stats) {
      // Bytes that are not UTF-8 come as U+FFFD, and there is nothing by that name; or it was removed since.
      if (path.includes("\ufffd")) note(path, "path-not-plain", "A commit holds names in UTF-8 only: rename it.");
      continue;
    }
    if (!stats.isFile()) {
      note(path, "not-a-file", "A commit holds plain files only; links are made by the manifest.");
      continue;
    }
    let digest = index?.digest(file, stats);
    if (digest === undefined) {
      const readAt = nowNs();
      digest = sha256(readFileSync(file));
      index?.remember(file, stats, digest, readAt);
    }
    tree.set(path, digest);
    sizes.set(digest, Number(stats.size));
  }
  return { tree: Object.fromEntries(tree), sizes, findings };
}

/** The bytes that were looked at; an error when somebody has changed the file since. */
export function readBlob(folder: string, path: string, digest: string): Buffer {
  const file = join(folder, FILES, path);
  const bytes = readFileSync(file);
  if (sha256(bytes) !== digest)
    throw new CliError(EXIT.failed, `${file} changed while it was read`, "Nothing was committed. Run it again.");
  return bytes;
}

/** In order. A folder that is not there has none. */
export function pathsBelow(folder: string, prefix: string): string[] {
  let entries: { name: string; isDirectory(): boolean }[];
  try {
    entries = readdirSync(join(folder, prefix), { withFileTypes: true });
  } catch (problem) {
    if (isCode(problem, "ENOENT") && prefix === "") return [];
    throw problem;
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? pathsBelow(folder, `${prefix}${entry.name}/`) : [prefix + entry.name]));
}
