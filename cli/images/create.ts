import { randomUUID } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Storage } from "@google-cloud/storage";
import type { Compute } from "../../functions/google/compute.ts";
import type { Image } from "../../wire/compute.d.ts";
import type { Objects } from "../config/objects.ts";
import { CliError, EXIT } from "../failure.ts";
import { type Contents, storeContents } from "../packages/stored.ts";
import { until } from "../waiting.ts";
import { packFolders } from "./pack.ts";

export interface ImageOrder {
  project: string;
  name: string;
  /** Without one nobody follows it; `moult image adopt` lets it join one. */
  family?: string;
  /** Folders, later ones over earlier ones; or one `.tar.gz` that is taken as it is. */
  from: readonly string[];
  description?: string;
  labels?: Record<string, string>;
  bucket: string;
  /** Its package list, and where that is stored. */
  contents?: { store: Objects; list: Contents };
}

const READY_MS = 15 * 60_000;
/** Above this an upload is resumable: a broken line does not start it from the beginning. */
const RESUMABLE_BYTES = 8 * 1024 * 1024;

/** Uploads, makes the image and waits until it can be used. `tell` hears of each stage. */
export async function createImage(compute: Compute, order: ImageOrder, tell: (stage: string) => void): Promise<Image> {
  if (await compute.image(order.name))
    throw new CliError(
      EXIT.failed,
      `image ${order.name} exists in ${order.project}; images never change, so choose a new name`,
    );
  const object = `${order.name}.tar.gz`;
  const storage = new Storage({ projectId: order.project });
  const folder = await mkdtemp(join(tmpdir(), "moult-image-"));
  try {
    const archive = await archiveOf(order.from, join(folder, object));
    const { size } = await stat(archive);
    tell(`uploading ${sizeText(size)} to gs://${order.bucket}/${object}`);
    await makeBucket(storage, order.bucket);
    if (order.contents) {
      tell(`storing the list of ${order.contents.list.list.packages.length} packages`);
      await storeContents(order.contents.store, order.name, order.contents.list);
    }
    await storage.bucket(order.bucket).upload(archive, { destination: object, resumable: size > RESUMABLE_BYTES });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  tell("making the image");
  const operation = await compute.insertImage(
    {
      name: order.name,
      ...(order.family !== undefined && { family: order.family }),
      ...(order.description !== undefined && { description: order.description }),
      ...(order.labels && Object.keys(order.labels).length > 0 && { labels: order.labels }),
      rawDisk: { source: `https://storage.googleapis.com/${order.bucket}/${object}` },
    },
    randomUUID(),
  );
  await compute.waitFor(operation);
  return until(
    `image ${order.name} to become READY`,
    async () => {
      const image = await compute.image(order.name);
      if (image?.status === "FAILED")
        throw new CliError(EXIT.failed, `Compute Engine could not make image ${order.name}`);
      return image?.status === "READY" ? image : undefined;
    },
    { withinMs: READY_MS },
  );
}

async function archiveOf(from: readonly string[], file: string): Promise<string> {
  const kinds = await Promise.all(
    from.map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      if (!found) throw new CliError(EXIT.usage, `--from ${path}: there is no such folder or file`);
      return found.isDirectory();
    }),
  );
  const [first = ""] = from;
  if (from.length === 1 && kinds[0] === false) {
    if (/\.(tar\.gz|tgz)$/.test(first)) return first;
    throw new CliError(EXIT.usage, `--from ${first} must be a folder or a .tar.gz archive`);
  }
  const file0 = from.find((_, i) => !kinds[i]);
  if (file0 !== undefined) throw new CliError(EXIT.usage, `--from ${file0}: only folders can be laid over one another`);
  await packFolders(from, file);
  return file;
}

async function makeBucket(storage: Storage, name: string): Promise<void> {
  const bucket = storage.bucket(name);
  const [there] = await bucket.exists();
  if (there) return;
  await storage.createBucket(name).catch((problem: { code?: unknown }) => {
    // Somebody made it meanwhile.
    if (problem.code !== 409) throw problem;
  });
}

function sizeText(bytes: number): string {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
