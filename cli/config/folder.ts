import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Flag, type Given, usage } from "../args.ts";
import { CliError, EXIT } from "../failure.ts";
import { localObjects } from "./local.ts";
import { isCode, locked } from "./lock.ts";
import { Repository } from "./repository.ts";
import { replaceFile } from "./texts.ts";

/** The store's own folder in a configuration folder. */
export const STORE = ".moult";
const SETTINGS = "config.json";

/** What a folder remembers for its person. Nothing in it decides what a commit is. */
export interface Settings {
  bucket?: string;
  project?: string;
  /** Last committed to: what a revision that is left out means. */
  ref?: string;
  /** Ref → the files of its values, as they were named last, relative to the folder. */
  values?: Record<string, string[]>;
}

export interface ConfigFolder {
  path: string;
  settings: Settings;
}

export const FOLDER_FLAGS = {
  folder: {
    value: "DIR",
    help: "the configuration folder (default: this folder, or the nearest above it that is one)",
  },
} satisfies Record<string, Flag>;

export const STORE_FLAGS = {
  ...FOLDER_FLAGS,
  bucket: { value: "B", help: "the configuration bucket (default: the folder's own, or MOULT_CONFIG_BUCKET)" },
} satisfies Record<string, Flag>;

/** The configuration folder that a command is about. */
export function findFolder(given: Given): ConfigFolder {
  const start = resolve(given.text("folder") ?? ".");
  for (let path = start; ; path = dirname(path)) {
    if (isFolder(join(path, STORE))) return { path, settings: readSettings(path) };
    if (given.has("folder") || path === dirname(path)) break;
  }
  throw usage(
    `${start} is not a configuration folder${given.has("folder") ? "" : ", nor is any folder above it"}`,
    `Make one with moult config init${given.has("folder") ? ` ${given.text("folder")}` : ""}, or name one with --folder DIR.`,
  );
}

/** Its store, which reads from the bucket what is missing here. The bucket is not asked for anything before that. */
export function openRepository(
  { path, settings }: ConfigFolder,
  given: Given,
  env: Record<string, string | undefined>,
): Repository {
  const ofProject = settings.project && `${settings.project}-moult-config`;
  const bucket = given.text("bucket") ?? settings.bucket ?? env.MOULT_CONFIG_BUCKET ?? ofProject;
  const open = async () => (await import("./bucket.ts")).openBucket(bucket ?? "", env);
  return new Repository(localObjects(join(path, STORE)), bucket === undefined ? undefined : open);
}

/** Changes what the folder remembers; two commands at once both have their say. */
export async function changeSettings(path: string, change: (settings: Settings) => Settings): Promise<Settings> {
  return locked(join(path, STORE, "lock"), () => {
    const settings = change(readSettings(path));
    replaceFile(join(path, STORE, SETTINGS), `${JSON.stringify(settings, null, 2)}\n`);
    return settings;
  });
}

/** Of a folder that may not be one yet. */
export function readSettings(path: string): Settings {
  const file = join(path, STORE, SETTINGS);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (problem) {
    if (isCode(problem, "ENOENT")) return {};
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CliError(EXIT.usage, `${file} is not JSON as moult writes it`, 'Write {} into it, or {"bucket": "B"}.');
  const { bucket, project, ref, values }: Partial<Record<string, unknown>> = { ...value };
  return {
    ...(typeof bucket === "string" && { bucket }),
    ...(typeof project === "string" && { project }),
    ...(typeof ref === "string" && { ref }),
    ...(typeof values === "object" && values !== null && { values: listsIn(values) }),
  };
}

function listsIn(values: object): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(values).map(([ref, files]: [string, unknown]) => [
      ref,
      Array.isArray(files) ? files.filter((file) => typeof file === "string") : [],
    ]),
  );
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
