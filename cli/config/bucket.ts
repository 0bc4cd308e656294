import { join } from "node:path";
import { makeBlobs } from "../../functions/google/blobs.ts";
import { isFailure } from "../../functions/google/failure.ts";
import { type Given, usage } from "../args.ts";
import { CliError, EXIT } from "../failure.ts";
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
  return saying(makeBlobs(plainName(name), env.STORAGE_EMULATOR_HOST));
}

/** As a person may write it, for example `gs://acme-moult-config/`. */
function plainName(text: string): string {
  const name = text.replace(/^gs:\/\//, "").replace(/\/$/, "");
  if (/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(name)) return name;
  throw usage(
    `"${text}" cannot be a bucket`,
    "A bucket is like acme-moult-config or gs://acme-moult-config: lower-case letters, digits and ._-, without a folder.",
  );
}

/** What is missing, when not the object is: storage answers both with 404. */
function saying(bucket: Objects): Objects {
  const told = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (problem) {
      if (!isFailure(problem, "missing")) throw problem;
      throw new CliError(
        EXIT.absent,
        `there is no bucket ${bucket.place}`,
        `Name another with --bucket B, or make it: gcloud storage buckets create ${bucket.place} --uniform-bucket-level-access`,
      );
    }
  };
  return {
    ...bucket,
    write: (name, bytes, ifGeneration) => told(bucket.write(name, bytes, ifGeneration)),
    list: (prefix) => told(bucket.list(prefix)),
  };
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
  if (name) return plainName(name);
  throw usage(
    "which bucket? Neither --bucket nor this folder names one",
    "Name it with --bucket B, for good with moult config init --bucket B, or set GOOGLE_CLOUD_PROJECT for P-moult-config.",
  );
}
