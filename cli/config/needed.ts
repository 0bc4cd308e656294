import { canonicalJson, openPack } from "../../agent/plan/pack.ts";
import { Failure } from "../../functions/google/failure.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { CliError } from "../failure.ts";
import { readCommit } from "./commit.ts";
import { Damaged } from "./damage.ts";
import { commitIn } from "./history.ts";
import { type ListedObject, NAMES, type Objects } from "./objects.ts";
import { objectIn, refIn } from "./repository.ts";
import { eachTogether } from "./together.ts";

const DAY_MS = 86_400_000;

export interface GcRules {
  /** So many of the newest commits of each ref stay, */
  keep: number;
  /** and before these all up to the first that is older than this. */
  olderMs: number;
  /** The store's own time, ms since the epoch: a computer whose clock is ahead must not take what is new for old. */
  now: number;
}

/** Written less than a day ago, and perhaps by a push that has not moved its ref yet. A time that cannot be read is young. */
export function isYoung({ created }: Pick<ListedObject, "created">, { now }: GcRules): boolean {
  return !(now - Date.parse(created) >= DAY_MS);
}

type Link = Pick<ConfigCommit, "parent" | "time" | "tree">;

/** Which commits are needed and by what, and so which objects. */
export class Needed {
  /** Commit → everything that needs it, as people read it. */
  readonly commits = new Map<string, Set<string>>();
  readonly names = new Set<string>();
  /** What could not be read, and may need anything. */
  readonly unread: string[] = [];
  /** What is named and was gone before. */
  readonly lost: string[] = [];
  readonly #objects: Objects;
  readonly #listed: ReadonlyMap<string, ListedObject>;
  readonly #rules: GcRules;
  /** What leads on from a commit whose blobs are counted already: all trees at once would be too much to hold. */
  readonly #known = new Map<string, Omit<Link, "tree">>();

  constructor(objects: Objects, listed: ReadonlyMap<string, ListedObject>, rules: GcRules) {
    this.#objects = objects;
    this.#listed = listed;
    this.#rules = rules;
  }

  /** Where each ref stands and stood, and its past. */
  async addRefs(): Promise<void> {
    // Also what no command could name: somebody may have put it there by hand.
    const names = (await this.#objects.list("refs/")).map(({ name }) => name.slice("refs/".length, -".json".length));
    await eachTogether(names, async (name) => {
      const found = await this.#orUnread(`the ref ${name}`, () => refIn(this.#objects, name));
      if (!found) return;
      const { commit, previous } = found.ref;
      for (const place of previous) await this.add(place.commit, `ref ${name} stood there, since ${place.moved}`);
      await this.#addPast(name, commit);
    });
  }

  async #addPast(ref: string, tip: string): Promise<void> {
    if (!(await this.add(tip, `ref ${ref} stands there`)))
      this.unread.push(`commit ${tip}, where ref ${ref} stands, is not there`);
    let digest = this.#known.get(tip)?.parent ?? null;
    for (let place = 1; digest !== null; place++) {
      const what = digest;
      const found = await this.#orUnread(`commit ${what}, in the past of ref ${ref}`, () => this.#look(what));
      // Older history was collected before.
      if (!found || (place >= this.#rules.keep && !this.#isRecent(what, found))) return;
      this.#keep(what, found, `${place} before where ref ${ref} stands`);
      digest = found.parent;
    }
  }

  /** By what its author said or by when it was written, whichever is later. */
  #isRecent(digest: string, { time }: Link): boolean {
    const { now, olderMs } = this.#rules;
    const written = Date.parse(this.#listed.get(NAMES.commit(digest))?.created ?? "");
    return now - Date.parse(time) < olderMs || !(now - written >= olderMs);
  }

  /** A commit that something needs, with all it consists of. False when neither it nor its pack is there. */
  async add(digest: string, by: string): Promise<boolean> {
    const what = `commit ${digest}: ${by}`;
    const found = await this.#orUnread(what, async () => (await this.#look(digest)) ?? "lost");
    if (found === "lost") this.lost.push(what);
    else if (found) this.#keep(digest, found, by);
    return found !== "lost";
  }

  #keep(digest: string, { parent, time, tree }: Link, by: string): void {
    const known = this.commits.get(digest) ?? new Set();
    this.commits.set(digest, known.add(by));
    for (const name of [NAMES.commit(digest), NAMES.signatures(digest), NAMES.pack(digest)]) this.names.add(name);
    for (const blob of Object.values(tree)) this.names.add(NAMES.blob(blob));
    this.#known.set(digest, { parent, time });
  }

  /** What a commit names that is itself too young to go, so that none is left without its blobs. */
  async addYoung(): Promise<void> {
    const young = [...this.#listed.values()].filter(
      (each) => each.name.startsWith("commits/") && !this.names.has(each.name) && isYoung(each, this.#rules),
    );
    await eachTogether(young, async ({ name }) => {
      const commit = await commitIn([this.#objects], name.slice("commits/".length, -".json".length)).catch(damaged);
      for (const blob of Object.values(commit?.tree ?? {})) this.names.add(NAMES.blob(blob));
    });
  }

  /** Machines boot from the pack alone: where only that is left, it is what the commit consists of. */
  async #look(digest: string): Promise<Link | undefined> {
    const known = this.#known.get(digest);
    if (known) return { ...known, tree: {} };
    const commit = await commitIn([this.#objects], digest);
    if (commit) return commit;
    const name = NAMES.pack(digest);
    const pack = await this.#objects.read(name);
    return pack && commitInPack(objectIn(this.#objects, name), digest, pack.bytes);
  }

  async #orUnread<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (problem) {
      if (!(problem instanceof CliError || problem instanceof Failure)) throw problem;
      this.unread.push(`${what} (${problem.message})`);
      return undefined;
    }
  }
}

function commitInPack(object: string, digest: string, bytes: Buffer): ConfigCommit {
  try {
    openPack(bytes, digest);
  } catch (problem) {
    throw new Damaged(object, problem instanceof Error ? problem.message : String(problem));
  }
  const { commit }: { commit?: unknown } = Object(JSON.parse(bytes.toString()));
  return readCommit(object, digest, Buffer.from(canonicalJson(commit)));
}

function damaged(problem: unknown): undefined {
  if (!(problem instanceof Damaged)) throw problem;
}
