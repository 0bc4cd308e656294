import { type Failure, isFailure } from "../../functions/google/failure.ts";
import type { Objects } from "./objects.ts";

const TRIES = 10;

/**
 * Writes what its name decides, so that it is there and its time is now, whoever wrote it before: what is younger than a day is
 * never collected (gc.ts), and until its ref is moved nothing else keeps it. To find it there is not enough, since a
 * collection under way may have chosen it already; that one's delete names the generation it saw, and fails.
 */
export async function writeAnew(objects: Objects, name: string, bytes: Uint8Array): Promise<void> {
  let generation = "0";
  for (let left = TRIES; ; left--)
    try {
      await objects.write(name, bytes, generation);
      return;
    } catch (problem) {
      if (!isConflict(problem) || left <= 1) throw problem;
      generation = await generationOf(objects, name);
    }
}

/** "0" when it is not there. Does not read the content. */
export async function generationOf(objects: Objects, name: string): Promise<string> {
  return (await objects.list(name)).find((each) => each.name === name)?.generation ?? "0";
}

export function isConflict(problem: unknown): problem is Failure {
  return isFailure(problem, "conflict", "exists");
}
