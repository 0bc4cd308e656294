import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ApiError } from "../frame/errors.ts";
import { checkVersion, type SavedState } from "../frame/state.ts";

/** What lies in a state folder beside the state file and belongs to it. `instances` are made again from images. */
const PARTS = ["objects", "images", "sources", "secrets.key"];
const OWNED = [...PARTS, "instances"];

const NAME = /^(state\.json|secrets\.key|(objects|images|sources)(\/[0-9a-f]{64}(\.tar\.gz|\.zip)?)?)\/?$/;

const tar = (): typeof import("tar") => createRequire(import.meta.url)("tar");

/** A `tar.gz` of what a state folder holds: it can be imported, or unpacked and used with `--state`. */
export function packState(folder: string, saved: SavedState): Buffer {
  const beside = mkdtempSync(join(folder, "export-"));
  try {
    writeFileSync(join(beside, "state.json"), JSON.stringify(saved), { mode: 0o600 });
    const file = join(beside, "archive.tar");
    tar().create({ file, cwd: beside, sync: true, portable: true }, ["state.json"]);
    const parts = PARTS.filter((name) => existsSync(join(folder, name)));
    if (parts.length > 0) tar().replace({ file, cwd: folder, sync: true, portable: true }, parts);
    return gzipSync(readFileSync(file), { level: 1 });
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

export interface Unpacked {
  saved: SavedState;
  /** Puts its files where the emulator keeps them. */
  take(): void;
  drop(): void;
}

/** Reads an archive, without changing anything yet. Throws a 400 that says what is wrong with it. */
export async function unpackState(folder: string, archive: Buffer, project: string): Promise<Unpacked> {
  const beside = mkdtempSync(join(folder, "import-"));
  const drop = () => rmSync(beside, { recursive: true, force: true });
  try {
    const file = join(beside, "archive.tar.gz");
    writeFileSync(file, archive, { mode: 0o600 });
    const foreign: string[] = [];
    const filter = (path: string, entry: object) => {
      const kind = "type" in entry ? entry.type : "";
      const isOurs = NAME.test(path) && (kind === "File" || kind === "OldFile" || kind === "Directory");
      if (!isOurs) foreign.push(path);
      return isOurs;
    };
    tar().extract({ file, cwd: beside, sync: true, strict: true, filter });
    if (foreign.length > 0) throw new Error(`it holds ${foreign[0]}, which no emulator writes`);
    const saved = JSON.parse(readFileSync(join(beside, "state.json"), "utf8")) as SavedState;
    checkVersion(saved, "the archive");
    if (saved.project !== undefined && saved.project !== project)
      throw new Error(
        `it is of project ${saved.project}, this emulator of ${project}; start one with --project ${saved.project}`,
      );
    return { saved, take: () => move(beside, folder, PARTS), drop };
  } catch (problem) {
    drop();
    throw new ApiError(400, `the archive cannot be read: ${(problem as Error).message}`);
  }
}

function move(from: string, to: string, names: string[]): void {
  for (const name of names) if (existsSync(join(from, name))) renameSync(join(from, name), join(to, name));
}

export interface Aside {
  folder: string;
  drop(): void;
}

/** Moves what the emulator keeps out of the way, for the case that what comes instead is no good. */
export function setAside(folder: string): Aside {
  const aside = mkdtempSync(join(folder, "before-"));
  move(folder, aside, OWNED);
  return { folder: aside, drop: () => rmSync(aside, { recursive: true, force: true }) };
}

export function putBack(folder: string, aside: Aside): void {
  for (const name of OWNED) rmSync(join(folder, name), { recursive: true, force: true });
  move(aside.folder, folder, OWNED);
  aside.drop();
}
