import { type Failure, isFailure } from "../../functions/google/failure.ts";
import type { Objects } from "./objects.ts";

const TRIES = 10;

/**
 * Writes what its name decides, so that it is there and its time is now, whoever wrote it before: what is younger than a day is
 * never collected (gc.ts), and until its ref is moved nothing else keeps it. To find it there is not enough, since a
 * collection under way may have chosen it already; that one's delete names the generation it saw, and fails.
 */
export async function writeAnew(objects: Objects, name: string, bytes: Uint8Array, others?: Standing): Promise<void> {
  let generation = others?.known(name) ?? "0";
  for (let left = TRIES; ; left--)
    try {
      await objects.write(name, bytes, generation);
      return;
    } catch (problem) {
      if (!isConflict(problem) || left <= 1) throw problem;
      const isFirst = left === TRIES && generation === "0";
      generation = others && isFirst ? await others.look(name) : await generationOf(objects, name);
    }
}

/**
 * Generations for many writes below one prefix. When the first of them finds its object there, all are listed, a thousand in one call, and
 * the rest begin with what the list says: one call for each in place of three. A list that is out of date costs a call more.
 */
export class Standing {
  readonly #objects: Objects;
  readonly #prefix: string;
  #listing: Promise<void> | undefined;
  #generations: ReadonlyMap<string, string>;

  /** `generations`: of those that were listed before. */
  constructor(objects: Objects, prefix: string, generations: ReadonlyMap<string, string> = new Map()) {
    this.#objects = objects;
    this.#prefix = prefix;
    this.#generations = generations;
  }

  known(name: string): string {
    return this.#generations.get(name) ?? "0";
  }

  async look(name: string): Promise<string> {
    this.#listing ??= generationsIn(this.#objects, this.#prefix).then((found) => {
      this.#generations = found;
    });
    await this.#listing;
    return this.known(name);
  }
}

/** Name → generation of all that begin with a prefix. */
async function generationsIn(objects: Objects, prefix: string): Promise<Map<string, string>> {
  return new Map((await objects.list(prefix)).map(({ name, generation }) => [name, generation]));
}

/** "0" when it is not there. Does not read the content. */
async function generationOf(objects: Objects, name: string): Promise<string> {
  return (await generationsIn(objects, name)).get(name) ?? "0";
}

export function isConflict(problem: unknown): problem is Failure {
  return isFailure(problem, "conflict", "exists");
}
