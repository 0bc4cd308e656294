import { openPack, sha256 } from "../../../agent/plan/pack.ts";
import { commitDigest, commitText, readCommit } from "../../../cli/config/commit.ts";
import { memoryObjects } from "../../../cli/config/memory.ts";
import { NAMES, type Objects } from "../../../cli/config/objects.ts";
import { moveRef, type Ref, readRef, refText } from "../../../cli/config/ref.ts";
import { keep, Repository, refIn } from "../../../cli/config/repository.ts";
import { Failure } from "../../../functions/google/failure.ts";
import type { ConfigCommit } from "../../../wire/moult.d.ts";

export const HOUR = 3_600_000;

interface Held {
  bytes: Buffer;
  generation: number;
  created: string;
}

/** A bucket whose every object can be looked at, and whose clock is driven. */
export class Bucket implements Objects {
  readonly place = "gs://acme";
  readonly held = new Map<string, Held>();
  now = Date.UTC(2026, 0, 1);
  changed: (name: string) => void = () => {};
  #generation = 0;

  async read(name: string) {
    const found = this.held.get(name);
    return found && { bytes: Buffer.from(found.bytes), generation: String(found.generation) };
  }

  async write(name: string, bytes: Uint8Array, ifGeneration: string) {
    this.#require(name, ifGeneration);
    const generation = ++this.#generation;
    this.held.set(name, { bytes: Buffer.from(bytes), generation, created: new Date(this.now).toISOString() });
    this.changed(name);
    return String(generation);
  }

  async list(prefix: string) {
    return [...this.held]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, { bytes, generation, created }]) => ({
        name,
        generation: String(generation),
        size: bytes.length,
        created,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async delete(name: string, ifGeneration: string) {
    if (!this.held.has(name)) return;
    this.#require(name, ifGeneration);
    this.held.delete(name);
    this.changed(name);
  }

  #require(name: string, wanted: string): void {
    if (String(this.held.get(name)?.generation ?? 0) !== wanted)
      throw new Failure("conflict", 412, `write ${name}`, "the generation does not match");
  }

  bytes(name: string): Buffer {
    const found = this.held.get(name);
    if (!found) throw new Error(`${name} is not there`);
    return found.bytes;
  }

  ref(name: string): Ref | undefined {
    const found = this.held.get(NAMES.ref(name));
    return found && readRef(name, found.bytes);
  }

  /** Throws unless the commit, each of its blobs and its pack are there and are what their names say. */
  requireWhole(digest: string, why: string): void {
    try {
      const commit = readCommit(digest, digest, this.bytes(NAMES.commit(digest)));
      for (const blob of Object.values(commit.tree))
        if (sha256(this.bytes(NAMES.blob(blob))) !== blob) throw new Error(`${blob} is not what it should be`);
      openPack(this.bytes(NAMES.pack(digest)), digest);
    } catch (problem) {
      throw new Error(`${why} is not whole: ${problem instanceof Error ? problem.message : problem}`);
    }
  }
}

/** Somebody's folder, with a store and refs of its own. */
export function folder(bucket: Objects, place = "a folder"): Repository {
  return new Repository(memoryObjects(place), async () => bucket);
}

/** A commit of these files on top of the folder's ref. */
export async function commit(
  { local }: Repository,
  ref: string,
  files: Record<string, string>,
  message = "",
  time = "2026-01-01T00:00:00Z",
): Promise<string> {
  const standing = await refIn(local, ref);
  const tree: Record<string, string> = {};
  for (const [path, text] of Object.entries(files)) {
    const bytes = Buffer.from(text);
    tree[path] = sha256(bytes);
    await keep(local, NAMES.blob(sha256(bytes)), bytes);
  }
  const made: ConfigCommit = {
    tree,
    manifest: { manifest: 1 },
    parent: standing?.ref.commit ?? null,
    message,
    author: "ada",
    time,
  };
  const digest = commitDigest(made);
  await keep(local, NAMES.commit(digest), Buffer.from(commitText(made)));
  await point(local, ref, digest);
  return digest;
}

export async function point(objects: Objects, ref: string, digest: string): Promise<void> {
  const standing = await refIn(objects, ref);
  const place = { commit: digest, moved: "2026-01-01T00:00:00Z", by: "ada" };
  await objects.write(NAMES.ref(ref), Buffer.from(refText(moveRef(standing?.ref, place))), standing?.generation ?? "0");
}
