import { sha256 } from "../../agent/plan/pack.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { CliError, EXIT } from "../failure.ts";
import { isConflict } from "./anew.ts";
import { readCommit } from "./commit.ts";
import { Damaged } from "./damage.ts";
import { NAMES, type Objects, type StoredObject } from "./objects.ts";
import { REF_NAME, type Ref, readRef } from "./ref.ts";
import { readSignatures, type Signatures } from "./signatures.ts";
import { eachTogether } from "./together.ts";

/** Where a ref stands, with the generation that a move of it must match. */
export interface StandingRef {
  name: string;
  ref: Ref;
  generation: string;
}

/**
 * A local store and, where the folder has a bucket, that bucket: what is missing here is read there and kept. Everything is
 * judged by its digest or check before it is used, wherever it came from.
 */
export class Repository {
  readonly local: Objects;
  readonly #open: (() => Promise<Objects>) | undefined;
  #remote: Promise<Objects> | undefined;

  /** `open` is asked when the bucket is needed first, so that nothing without need of it touches a network. */
  constructor(local: Objects, open?: () => Promise<Objects>) {
    this.local = local;
    this.#open = open;
  }

  /** What is missing here may be there. */
  get hasBucket(): boolean {
    return this.#open !== undefined;
  }

  /** The bucket; undefined when this folder has none. */
  async remote(): Promise<Objects | undefined> {
    this.#remote ??= this.#open?.();
    return this.#remote;
  }

  /** The bucket, where there has to be one. */
  async bucket(): Promise<Objects> {
    const remote = await this.remote();
    if (remote) return remote;
    throw new CliError(
      EXIT.usage,
      "this folder has no bucket",
      "Name it with --bucket B, or for good with moult config init --bucket B.",
    );
  }

  async commit(digest: string): Promise<ConfigCommit> {
    return (await this.findCommit(digest)) ?? this.#absent(NAMES.commit(digest));
  }

  /** Undefined when it is neither here nor in the bucket: a collection shortens histories. */
  async findCommit(digest: string): Promise<ConfigCommit | undefined> {
    return this.#kept(
      NAMES.commit(digest),
      (object, bytes) => readCommit(object, digest, bytes),
      () => this.#takeSignatures(digest),
    );
  }

  async blob(digest: string): Promise<Buffer> {
    const name = NAMES.blob(digest);
    return (await this.#kept(name, (object, bytes) => readBlob(object, digest, bytes))) ?? this.#absent(name);
  }

  /** Without any there is an empty object. Those of a commit that was read from the bucket came with it. */
  async signatures(commit: string): Promise<Signatures> {
    const name = NAMES.signatures(commit);
    const here = await this.local.read(name);
    return here ? readSignatures(objectIn(this.local, name), commit, here.bytes) : {};
  }

  /** Of the local store. */
  async ref(name: string): Promise<StandingRef | undefined> {
    return refIn(this.local, name);
  }

  /** All of the local store, by name. */
  async refs(): Promise<StandingRef[]> {
    return refsIn(this.local);
  }

  /** Before the commit itself is kept, so that one that is here has those that it had there. */
  async #takeSignatures(commit: string): Promise<void> {
    const remote = await this.bucket();
    const name = NAMES.signatures(commit);
    const there = await remote.read(name);
    if (!there) return;
    readSignatures(objectIn(remote, name), commit, there.bytes);
    await keep(this.local, name, there.bytes);
  }

  async #kept<T>(
    name: string,
    judge: (object: string, bytes: Buffer) => T,
    before: () => Promise<void> = async () => {},
  ): Promise<T | undefined> {
    const here = await this.local.read(name);
    if (here) return judge(objectIn(this.local, name), here.bytes);
    const remote = await this.remote();
    const there = await remote?.read(name);
    if (!remote || !there) return undefined;
    const value = judge(objectIn(remote, name), there.bytes);
    await before();
    await keep(this.local, name, there.bytes);
    return value;
  }

  async #absent(name: string): Promise<never> {
    throw absent(name, this.local, await this.remote());
  }
}

/** Its whole name, for messages. */
export function objectIn({ place }: Objects, name: string): string {
  return `${place}/${name}`;
}

export async function refIn(objects: Objects, name: string): Promise<StandingRef | undefined> {
  const stored = await objects.read(NAMES.ref(name));
  return stored && standing(objects, name, stored);
}

export async function refsIn(objects: Objects): Promise<StandingRef[]> {
  const names = (await objects.list("refs/")).map(({ name }) => /^refs\/(.+)\.json$/.exec(name)?.[1] ?? "");
  // What else lies there cannot be named to any command, nor in a fleet file.
  const found = await eachTogether(
    names.filter((name) => REF_NAME.test(name)),
    (name) => refIn(objects, name),
  );
  return found.flatMap((each) => each ?? []);
}

/** Throws `Damaged` unless the bytes have the digest. */
export function readBlob(object: string, digest: string, bytes: Buffer): Buffer {
  if (sha256(bytes) !== digest) throw new Damaged(object, "its content does not have the digest of its name");
  return bytes;
}

/** For what is named by its digest: somebody else's equal object is as good. */
export async function keep(objects: Objects, name: string, bytes: Uint8Array): Promise<void> {
  try {
    await objects.write(name, bytes, "0");
  } catch (problem) {
    if (!isConflict(problem)) throw problem;
  }
}

function standing(objects: Objects, name: string, { bytes, generation }: StoredObject): StandingRef {
  return { name, ref: readRef(objectIn(objects, NAMES.ref(name)), bytes), generation };
}

function absent(name: string, local: Objects, remote: Objects | undefined): CliError {
  const where = remote ? `neither in ${local.place} nor in ${remote.place}` : `not in ${local.place}`;
  return new CliError(
    EXIT.refused,
    `${name} is ${where}`,
    remote
      ? "Bring it back from the older versions of the bucket, or with moult config push --repair from a folder that has it."
      : "Name the bucket that has it with --bucket B. When none has it, moult config commit writes files again that the folder still has.",
  );
}
