import { type BigIntStats, constants, type Dirent, mkdirSync, readdirSync, statSync } from "node:fs";
import { link, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../../functions/google/failure.ts";
import { CliError, EXIT } from "../failure.ts";
import { isCode, locked } from "./lock.ts";
import type { ListedObject, Objects, StoredObject } from "./objects.ts";
import { goodPath } from "./paths.ts";
import { syncFiles, syncOne } from "./sync.ts";

/** Beside the objects, in the folder of the store. */
const [OBJECTS, UNFINISHED, LOCK] = ["store", "unfinished", "lock"];

/**
 * A store in a folder, laid out as the bucket is. An object's generation is the time of its file in microseconds, as the
 * bucket's are, and grows with each write. New objects are linked into place, which fails when they are there; what changes one
 * holds the store's lock.
 */
export function localObjects(folder: string): Objects {
  const top = join(folder, OBJECTS);
  const lock = join(folder, LOCK);
  const fileOf = (name: string): string => {
    if (!goodPath(name)) throw new CliError(EXIT.usage, `${JSON.stringify(name)} cannot be the name of an object`);
    return join(top, name);
  };
  const conflict = (name: string) =>
    new Failure("conflict", 412, join(top, name), new Error("somebody else wrote it meanwhile"));

  /** Blobs are waited for together, before anything is written that may name them. */
  const unsynced = new Set<string>();
  const settle = async () => {
    const files = [...unsynced];
    unsynced.clear();
    await syncFiles(files);
  };

  const create = async (name: string, bytes: Uint8Array): Promise<string> => {
    const { file, generation } = await unfinished(folder, bytes, 0n, !isBlob(name));
    try {
      await link(file, fileOf(name)).catch(async (problem: unknown) => {
        if (!isCode(problem, "ENOENT")) throw problem;
        await mkdir(dirname(fileOf(name)), { recursive: true });
        await link(file, fileOf(name));
      });
      return generation;
    } catch (problem) {
      throw isCode(problem, "EEXIST") ? conflict(name) : problem;
    } finally {
      await rm(file, { force: true });
    }
  };

  return {
    place: top,
    async read(name) {
      return readObject(fileOf(name));
    },
    async write(name, bytes, ifGeneration) {
      if (!isBlob(name)) await settle();
      const generation =
        ifGeneration === "0"
          ? await create(name, bytes)
          : await locked(lock, async () => {
              if ((await generationOf(fileOf(name))) !== ifGeneration) throw conflict(name);
              const made = await unfinished(folder, bytes, BigInt(ifGeneration), !isBlob(name));
              await rename(made.file, fileOf(name));
              return made.generation;
            });
      if (isBlob(name)) unsynced.add(fileOf(name));
      else await syncOne(dirname(fileOf(name)));
      return generation;
    },
    async list(prefix) {
      return listed(top, "", prefix).sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async delete(name, ifGeneration) {
      await locked(lock, async () => {
        const generation = await generationOf(fileOf(name));
        if (generation === undefined) return;
        if (generation !== ifGeneration) throw conflict(name);
        await rm(fileOf(name));
      });
    },
  };
}

const HOUR_MS = 3_600_000;

/** Removes what commands that were killed had begun to write. */
export async function removeUnfinished(folder: string): Promise<void> {
  const names = async (at: string) => (await readdir(join(folder, at)).catch(missing)) ?? [];
  const unfinishedOnes = (await names(UNFINISHED)).map((name) => join(UNFINISHED, name));
  // And those of replaceFile: a name, a dot, a UUID.
  const beside = (await names(".")).filter((name) => /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name));
  for (const name of [...unfinishedOnes, ...beside]) {
    const stats = await stat(join(folder, name)).catch(missing);
    if (stats && stats.ctimeMs < Date.now() - HOUR_MS) await rm(join(folder, name), { force: true });
  }
}

let made = 0;

/** The bytes in a file of their own, `synced` on the disk, with the time that will be the generation: later than `after`. */
async function unfinished(folder: string, bytes: Uint8Array, after: bigint, synced: boolean) {
  const file = join(folder, UNFINISHED, `${process.pid}-${made++}`);
  mkdirSync(dirname(file), { recursive: true });
  const opened = await open(file, "w", 0o444);
  try {
    await opened.writeFile(bytes);
    const now = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000));
    const wanted = now > after ? now : after + 1n;
    await opened.utimes(Number(wanted) / 1e6, Number(wanted) / 1e6);
    if (synced) await opened.sync();
    return { file, generation: generationIn(await opened.stat({ bigint: true })) };
  } finally {
    await opened.close();
  }
}

async function readObject(file: string): Promise<StoredObject | undefined> {
  const opened = await open(file, constants.O_RDONLY).catch(missing);
  if (!opened) return undefined;
  try {
    const bytes = await opened.readFile();
    return { bytes, generation: generationIn(await opened.stat({ bigint: true })) };
  } finally {
    await opened.close();
  }
}

async function generationOf(file: string): Promise<string | undefined> {
  const found = await stat(file, { bigint: true }).catch(missing);
  return found && generationIn(found);
}

function isBlob(name: string): boolean {
  return name.startsWith("blobs/");
}

/** Times given as seconds are off by less than half a microsecond. */
function generationIn({ mtimeNs }: BigIntStats): string {
  return String((mtimeNs + 500n) / 1000n);
}

function missing(problem: unknown): undefined {
  if (!isCode(problem, "ENOENT", "ENOTDIR")) throw problem;
}

/**
 * All names below `at` that begin with `prefix`. Without waiting for each: thousands of looks at a disk of this computer take less
 * time than the turns between them.
 */
function listed(top: string, at: string, prefix: string): ListedObject[] {
  return entriesOf(join(top, at)).flatMap((entry): ListedObject[] => {
    const name = at + entry.name;
    if (entry.isDirectory())
      return `${name}/`.startsWith(prefix) || prefix.startsWith(`${name}/`) ? listed(top, `${name}/`, prefix) : [];
    const stats = name.startsWith(prefix) ? statOf(join(top, name)) : undefined;
    if (!stats) return [];
    const created = new Date(Number(stats.mtimeNs / 1_000_000n)).toISOString();
    return [{ name, generation: generationIn(stats), size: Number(stats.size), created }];
  });
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (problem) {
    return missing(problem) ?? [];
  }
}

function statOf(file: string): BigIntStats | undefined {
  return statSync(file, { bigint: true, throwIfNoEntry: false });
}
