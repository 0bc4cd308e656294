import { createHash } from "node:crypto";
import { canonical } from "../core/canonical.ts";
import type { Problem } from "../core/observation.ts";
import { isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";
import { isObject, orProblem } from "./problems.ts";

const COMMIT = /^[0-9a-f]{64}$/;

const refObject = (ref: string) => `refs/${ref}.json`;
const packObject = (commit: string) => `packs/${commit}.json`;

/** The ref that an object of the configuration bucket is; undefined for every other object. */
export function refOf(object: string): string | undefined {
  return /^refs\/(.+)\.json$/.exec(object)?.[1];
}

/**
 * The commit a ref names, once a machine could fetch it: a release of a commit without its pack would only be a canary that
 * cannot boot. docs/contracts.md has the ref's form.
 */
export async function readRef(cloud: Pick<Cloud, "config">, ref: string): Promise<string | Problem> {
  const { config } = cloud;
  const where = `configuration ref ${ref} (gs://${config.name}/${refObject(ref)})`;
  const found = await orProblem(where, config.read(refObject(ref)));
  if ("problem" in found)
    return found.problem === "missing"
      ? { ...found, text: `${found.text}; the fleet stays as it is until the ref is there again: push to it` }
      : { ...found, text: `${found.text}; grant the functions the right to read the bucket's objects` };
  const commit = commitOf(found.text);
  if (typeof commit !== "string") return { problem: "missing", text: `${where} ${commit.wrong}` };
  const object = packObject(commit);
  const pack = `the pack of commit ${commit.slice(0, 12)} (gs://${config.name}/${object})`;
  let there: string[];
  try {
    there = await config.names(object);
  } catch (problem) {
    if (!isFailure(problem, "denied", "invalid", "missing")) throw problem;
    const text = `whether ${pack} is there cannot be read: ${problem.message}; grant the functions the right to list the bucket's objects`;
    return { problem: "denied", text };
  }
  if (there.includes(object)) return commit;
  const text = `${where} names a commit that no machine could fetch: ${pack} does not exist. Push the commit again; it is looked for every ten minutes, and whenever the ref is written`;
  return { problem: "missing", text };
}

/** @returns the commit, or what is wrong with the ref as the rest of a sentence. */
function commitOf(text: string): string | { wrong: string } {
  let ref: unknown;
  try {
    ref = JSON.parse(text);
  } catch {
    return { wrong: "is not JSON; move the ref again" };
  }
  if (!isObject(ref)) return { wrong: "is not a JSON object; move the ref again" };
  const { check, ...rest } = ref;
  if (typeof rest.commit !== "string" || !COMMIT.test(rest.commit))
    return { wrong: "does not name a commit by the 64 hex digits of its digest; move the ref again" };
  if (check !== createHash("sha256").update(canonical(rest)).digest("hex"))
    return { wrong: "does not match its own check, so it was changed by something else than moult; move it again" };
  return rest.commit;
}
