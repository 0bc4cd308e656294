import { existsSync, readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { type Flag, type Given, usage } from "../args.ts";
import type { ConfigFolder } from "./folder.ts";
import { isCode } from "./lock.ts";
import { REF_NAME } from "./ref.ts";
import { readSample, type Sample } from "./sample.ts";

const SAMPLES = "samples";

export const VALUES_FLAG = {
  values: { value: "FILE", many: true, help: "values of an environment over the manifest's; the last wins" },
} satisfies Record<string, Flag>;

export const SAMPLE_FLAG = {
  sample: { value: "FILE", many: true, help: "an instance to try it on, besides samples/*.json and a made-up one" },
} satisfies Record<string, Flag>;

/** Files of values as they are named from here or, where there is none, from the folder. */
export function valuesAsked(given: Given, { path }: ConfigFolder): string[] {
  return given.list("values").map((file) => (existsSync(file) ? resolve(file) : join(path, file)));
}

/** As they are remembered, whoever names them next. */
export function inFolderNames(files: readonly string[], { path }: ConfigFolder): string[] {
  return files.map((file) => relative(path, file));
}

/** What a ref's values were when it was committed to last. */
export function valuesOf({ path, settings }: ConfigFolder, ref: string | undefined): string[] {
  const named = (ref !== undefined && settings.values?.[ref]) || [];
  return named.map((file) => resolve(path, file));
}

export function samplesAsked(given: Given, { path }: ConfigFolder): Sample[] {
  return [...samplesIn(join(path, SAMPLES)), ...given.list("sample")].map(readSample);
}

function samplesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
    return names.sort().map((name) => join(folder, name));
  } catch (problem) {
    if (isCode(problem, "ENOENT")) return [];
    throw problem;
  }
}

export function refAsked(given: Given): string {
  const ref = given.text("ref");
  if (ref === undefined) throw usage("which ref? Name it with --ref R, for example --ref web/prod");
  if (!REF_NAME.test(ref))
    throw usage(
      `"${ref}" cannot be a ref`,
      "A ref is like web/prod: letters, digits and ._- in parts, each beginning with a letter or digit.",
    );
  return ref;
}

/** A revision that is left out is the ref that was committed to last. */
export function revisionAsked(word: string | undefined, { path, settings }: ConfigFolder): string {
  const revision = word ?? settings.ref;
  if (revision === undefined)
    throw usage(
      `which revision? Nothing was committed from ${path} yet`,
      "Name a ref or a commit; moult config refs lists the refs.",
    );
  return revision;
}
