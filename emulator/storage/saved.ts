import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { World } from "../frame/world.ts";
import type { Buckets } from "./buckets.ts";
import type { Bucket, Generation } from "./model.ts";

/** A generation whose bytes lie in a file of their own, named by their digest. */
type SavedGeneration = Omit<Generation, "bytes"> & { sha256: string };
type SavedBucket = Omit<Bucket, "objects" | "softDeleted"> & {
  objects: [string, SavedGeneration[]][];
  softDeleted: SavedGeneration[];
};

export interface SavedStorage {
  micros: number;
  buckets: SavedBucket[];
}

/**
 * State of Storage in the state folder. The bytes of objects are files in `objects/`, written once, so that saving after
 * a small change does not write everything again. A file is removed only when neither this state nor the one before
 * names it: the state file itself is replaced after us, and a crash in between must find what it names.
 */
export class Shelf {
  readonly #world: World;
  readonly #digests = new WeakMap<Buffer, string>();
  #before = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  get #folder(): string {
    return join(this.#world.folder, "objects");
  }

  #digest(bytes: Buffer): string {
    const known = this.#digests.get(bytes);
    if (known !== undefined) return known;
    const digest = createHash("sha256").update(bytes).digest("hex");
    this.#digests.set(bytes, digest);
    return digest;
  }

  save(buckets: Buckets): SavedStorage {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const named = new Set<string>();
    const put = ({ bytes, ...rest }: Generation): SavedGeneration => {
      const sha256 = this.#digest(bytes);
      const file = join(this.#folder, sha256);
      if (!named.has(sha256) && !this.#before.has(sha256) && !existsSync(file)) {
        writeFileSync(`${file}.new`, bytes, { mode: 0o600, flush: true });
        renameSync(`${file}.new`, file);
      }
      named.add(sha256);
      return { ...rest, sha256 };
    };
    const saved: SavedStorage = {
      micros: buckets.micros.last,
      buckets: [...buckets.all(), ...buckets.softDeleted()].map(({ objects, softDeleted, ...rest }) => ({
        ...rest,
        objects: [...objects].map(([name, generations]) => [name, generations.map(put)]),
        softDeleted: softDeleted.map(put),
      })),
    };
    for (const file of readdirSync(this.#folder)) {
      if (!named.has(file) && !this.#before.has(file)) rmSync(join(this.#folder, file), { force: true });
    }
    this.#before = named;
    return saved;
  }

  load(buckets: Buckets, saved: SavedStorage): void {
    const take = ({ sha256, ...rest }: SavedGeneration): Generation => {
      const bytes = readFileSync(join(this.#folder, sha256));
      if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
        throw new Error(`the state folder is damaged: ${join("objects", sha256)} is not what its name says`);
      }
      this.#digests.set(bytes, sha256);
      this.#before.add(sha256);
      return { ...rest, bytes };
    };
    buckets.micros.last = saved.micros;
    for (const { objects, softDeleted, ...rest } of saved.buckets) {
      buckets.adopt({
        ...rest,
        objects: new Map(objects.map(([name, generations]) => [name, generations.map(take)])),
        softDeleted: softDeleted.map(take),
      });
    }
  }
}
