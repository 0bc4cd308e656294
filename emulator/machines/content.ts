import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import type { ReadEntry } from "tar";
import { ApiError } from "../frame/errors.ts";

/** Loaded at the first image: it would be a tenth of the time an emulator takes to start. */
const tar = (): typeof import("tar") => createRequire(import.meta.url)("tar");

const KINDS = new Set(["File", "OldFile", "ContiguousFile", "Directory", "SymbolicLink", "Link"]);

/**
 * Keeps a `tar.gz` of a root file system under its sha256. Throws a 400 ApiError when it cannot be read or an entry would
 * land outside the root, so that a bad image is refused when it is made and not when a machine boots.
 */
export function keepContent(folder: string, tarball: Buffer): string {
  const digest = createHash("sha256").update(tarball).digest("hex");
  const file = contentFile(folder, digest);
  if (existsSync(file)) return digest;
  mkdirSync(folder, { recursive: true });
  const beside = `${file}.new`;
  writeFileSync(beside, tarball);
  try {
    tar().list({ file: beside, sync: true, strict: true, onReadEntry: (entry) => void rooted(entry) });
  } catch (problem) {
    rmSync(beside, { force: true });
    if (problem instanceof ApiError) throw problem;
    throw new ApiError(400, `the image is not a readable tar.gz: ${(problem as Error).message}`);
  }
  renameSync(beside, file);
  return digest;
}

/** Makes `root` from a kept image, all of it or nothing. */
export async function unpackContent(folder: string, digest: string, root: string): Promise<void> {
  const file = contentFile(folder, digest);
  if (!existsSync(file)) throw new Error(`image content ${digest} is not in ${folder}`);
  const beside = `${root}.new`;
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { recursive: true });
  await tar().extract({
    file,
    cwd: beside,
    strict: true,
    filter: (_path, entry) => {
      // Device files and the like cannot be made by everybody and nothing here opens them.
      if (!("type" in entry) || !KINDS.has(entry.type)) return false;
      const { path, linkpath } = rooted(entry);
      if (path === "") return false;
      entry.path = path;
      if (linkpath !== undefined) entry.linkpath = linkpath;
      return true;
    },
  });
  await rename(beside, root);
}

function contentFile(folder: string, digest: string): string {
  return join(folder, `${digest}.tar.gz`);
}

/**
 * Where an entry and its link lead, relative to the root. Links to absolute paths mean paths of the image, which has no
 * chroot here, so they become relative ones.
 */
function rooted(entry: ReadEntry): { path: string; linkpath?: string } {
  const path = inside(entry.path, entry.path);
  const target = entry.linkpath;
  if (target === undefined || target === "") return { path };
  if (entry.type === "Link") return { path, linkpath: inside(target, entry.path) };
  if (entry.type !== "SymbolicLink") return { path };
  const from = dirname(path);
  const to = inside(target.startsWith("/") ? target : posix.join(from, target), entry.path);
  return { path, linkpath: target.startsWith("/") ? posix.relative(from, to) || "." : target };
}

function inside(path: string, entry: string): string {
  const plain = posix.normalize(path.replace(/^\/+/, "")).replace(/\/+$/, "");
  if (plain === ".." || plain.startsWith("../") || plain.includes("\0")) {
    throw new ApiError(400, `the image's entry ${JSON.stringify(entry)} leads out of its root file system`);
  }
  return plain === "." ? "" : plain;
}
