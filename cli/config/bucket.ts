import { join } from "node:path";
import { makeBlobs } from "../../functions/google/blobs.ts";
import { type Given, usage } from "../args.ts";
import { CliError } from "../failure.ts";
import { type ConfigFolder, findFolder, STORE } from "./folder.ts";
import { localObjects } from "./local.ts";
import { memoryObjects } from "./memory.ts";
import type { Objects } from "./objects.ts";
import { Repository } from "./repository.ts";

type Env = Record<string, string | undefined>;

export interface OpenStore {
  repository: Repository;
  bucket: Objects;
  /** Without `gs://`. */
  name: string;
  folder?: ConfigFolder;
}

export function openBucket(name: string, env: Env): Objects {
  return makeBlobs(name, env.STORAGE_EMULATOR_HOST);
}

/** A configuration folder and its bucket, for a command that goes from one to the other. */
export function openBoth(given: Given, env: Env): OpenStore & { folder: ConfigFolder } {
  const folder = findFolder(given);
  const name = bucketName(given, env, folder.settings);
  return { ...storeOf(localObjects(join(folder.path, STORE)), name, env), folder };
}

/** The bucket, for a command that needs no folder: what it reads it keeps in the folder it is called in, or nowhere. */
export function openAnywhere(given: Given, env: Env): OpenStore {
  const folder = given.has("folder") ? findFolder(given) : folderHere(given);
  const name = bucketName(given, env, folder?.settings ?? {});
  const local = folder ? localObjects(join(folder.path, STORE)) : memoryObjects();
  return { ...storeOf(local, name, env), ...(folder && { folder }) };
}

function storeOf(local: Objects, name: string, env: Env): Omit<OpenStore, "folder"> {
  const bucket = openBucket(name, env);
  return { repository: new Repository(local, async () => bucket), bucket, name };
}

function folderHere(given: Given): ConfigFolder | undefined {
  try {
    return findFolder(given);
  } catch (problem) {
    if (problem instanceof CliError && problem.message.includes("is not a configuration folder")) return undefined;
    throw problem;
  }
}

/** The flag, the folder's own, the environment, the project's. */
function bucketName(given: Given, env: Env, settings: ConfigFolder["settings"]): string {
  const project = given.text("project") ?? settings.project ?? env.MOULT_PROJECT ?? env.GOOGLE_CLOUD_PROJECT;
  const name =
    given.text("bucket") ??
    settings.bucket ??
    env.MOULT_CONFIG_BUCKET ??
    (project === undefined ? undefined : `${project}-moult-config`);
  if (name) return name.replace(/^gs:\/\/([^/]+)\/?$/, "$1");
  throw usage(
    "which bucket? Neither --bucket nor this folder names one",
    "Name it with --bucket B, for good with moult config init --bucket B, or set GOOGLE_CLOUD_PROJECT for P-moult-config.",
  );
}
