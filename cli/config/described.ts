import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Finding } from "../../agent/finding.ts";
import { type JsonDocument, readJson } from "../../agent/plan/json.ts";
import type { Description } from "../../agent/plan/pack.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { CliError, EXIT } from "../failure.ts";
import { readYaml } from "../manifest/yaml.ts";
import { isCode } from "./lock.ts";
import type { Repository } from "./repository.ts";
import { blobsOf } from "./stored.ts";
import { overlay } from "./values.ts";
import { MANIFEST, readBlob } from "./worktree.ts";

/** What a folder or a commit says about an instance. */
export interface Described extends Description {
  /** Of the texts themselves; nothing else is worth looking at before these are gone. */
  findings: Finding[];
  /** Where a finding about a path of the manifest belongs, when that is another file: one of values. */
  placeOf(path: string): { where: string; line: number; column: number } | undefined;
}

/**
 * A configuration folder as it is, with the values of an environment over its manifest's. `values` are paths of files. Sources are
 * those of `tree`: what is judged is what was looked at, or an error.
 */
export function describeFolder(
  folder: string,
  values: readonly string[],
  tree: Readonly<Record<string, string>>,
): Described {
  const manifest = readYaml("manifest", readText(join(folder, MANIFEST)));
  const findings = [...manifest.findings];
  let whole = manifest.value;
  const overlaid: JsonDocument[] = [];
  for (const file of values) {
    const over = readYaml(file, readText(file));
    const declared = isObject(whole) ? whole.values : undefined;
    const merged = overlay(declared, over);
    findings.push(...merged.findings);
    if (isObject(whole) && merged.values !== declared) whole = { ...whole, values: merged.values };
    overlaid.unshift(over);
  }
  return {
    manifest: { ...manifest, value: whole },
    source: cached((name) => {
      const digest = Object.hasOwn(tree, name) ? tree[name] : undefined;
      return digest === undefined ? undefined : readBlob(folder, name, digest);
    }),
    findings,
    placeOf: (path) => {
      const inside = /^values\.(.+)$/.exec(path)?.[1];
      const over = inside === undefined ? undefined : overlaid.find(({ value }) => has(value, inside));
      return inside === undefined || !over ? undefined : { where: over.where, ...over.at(inside) };
    },
  };
}

/** A commit. Every source is read, and judged by its digest, before anything asks for it. */
export async function describeCommit(repository: Repository, commit: ConfigCommit): Promise<Described> {
  const blobs = await blobsOf(repository, commit);
  return {
    manifest: readJson("manifest", JSON.stringify(commit.manifest, null, 2)),
    source: (name) => blobs.get((Object.hasOwn(commit.tree, name) && commit.tree[name]) || ""),
    findings: [],
    placeOf: () => undefined,
  };
}

/** Whether a value of the overlay has a part that a path leads to. */
function has(value: unknown, path: string): boolean {
  let found = value;
  for (const [, plain, quoted, index] of path.matchAll(/([A-Za-z_][\w-]*)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]/g)) {
    const key = plain ?? index ?? String(JSON.parse(`"${quoted ?? ""}"`));
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return false;
    found = new Map<string, unknown>(Object.entries(found)).get(key);
  }
  return true;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (problem) {
    const why = isCode(problem, "ENOENT") ? "there is no such file" : String(problem);
    const advice = basename(file) === MANIFEST ? "Make one with moult config init." : undefined;
    throw new CliError(EXIT.usage, `${file} cannot be read: ${why}`, advice);
  }
}

function cached(read: (name: string) => Buffer | undefined): (name: string) => Buffer | undefined {
  const known = new Map<string, Buffer | undefined>();
  return (name) => {
    if (!known.has(name)) known.set(name, read(name));
    return known.get(name);
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
