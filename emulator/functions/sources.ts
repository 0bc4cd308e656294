import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ApiError } from "../frame/errors.ts";
import type { World } from "../frame/world.ts";
import type { StorageSource } from "./model.ts";

/** How long an upload URL is good for. https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions/generateUploadUrl */
const UPLOAD_MS = 30 * 60_000;

/** Older uploads are forgotten; the real bucket deletes them after a day. */
const MOST_UPLOADS = 100;

export interface SavedSources {
  /** Object in an upload bucket → digest; empty until uploaded. */
  uploads: [string, string][];
}

/** Zips of functions, kept by their digest in the state folder, and the upload slots they come through. */
export class Sources {
  readonly #world: World;
  readonly #folder: string;
  readonly #uploads = new Map<string, string>();
  /** Digests of what functions are made of. */
  needed: () => Set<string | undefined> = () => new Set();

  constructor(world: World) {
    this.#world = world;
    this.#folder = join(resolve(world.folder), "sources");
  }

  uploadBucket(location: string): string {
    return `gcf-v2-uploads-${this.#world.projectNumber}.${location}.cloudfunctions.appspot.com`;
  }

  sourceBucket(location: string): string {
    return `gcf-v2-sources-${this.#world.projectNumber}-${location}`;
  }

  slot(location: string): { uploadUrl: string; storageSource: StorageSource } {
    const bucket = this.uploadBucket(location);
    const object = `${this.#world.ids.uuid()}.zip`;
    this.#uploads.set(`${bucket}/${object}`, "");
    for (const [key, digest] of this.#uploads) {
      if (this.#uploads.size <= MOST_UPLOADS) break;
      this.#uploads.delete(key);
      this.sweep(digest);
    }
    this.#world.changed();
    const until = Math.floor((this.#world.clock.now() + UPLOAD_MS) / 1000);
    const account = `service-${this.#world.projectNumber}@gcf-admin-robot.iam.gserviceaccount.com`;
    const query = new URLSearchParams({
      GoogleAccessId: account,
      Expires: String(until),
      Signature: this.#world.ids.fingerprint(),
    });
    return {
      uploadUrl: `${this.#world.origin}/${bucket}/${object}?${query}`,
      storageSource: { bucket, object },
    };
  }

  /** Fills a slot. False when there is none of that name. */
  upload(bucket: string, object: string, bytes: Buffer): boolean {
    const key = `${bucket}/${object}`;
    if (!this.#uploads.has(key)) return false;
    this.#uploads.set(key, this.keep(bytes));
    this.#world.changed();
    return true;
  }

  keep(bytes: Buffer): string {
    const digest = createHash("sha256").update(bytes).digest("hex");
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    if (!existsSync(this.#file(digest))) writeFileSync(this.#file(digest), bytes, { mode: 0o600 });
    return digest;
  }

  read(digest: string): Buffer {
    return readFileSync(this.#file(digest));
  }

  /** Forgets a zip that neither a function nor an upload needs. */
  sweep(digest: string | undefined): void {
    if (!digest || this.needed().has(digest) || [...this.#uploads.values()].includes(digest)) return;
    rmSync(this.#file(digest), { force: true });
  }

  /**
   * The digest of what a storage source names: an upload, or an object of Cloud Storage. Throws 400 when there is none.
   * `current` is what the function's own source object holds.
   */
  find({ bucket = "", object = "" }: StorageSource, current?: { bucket: string; digest: string }): string {
    if (current && bucket === current.bucket) return current.digest;
    const key = `${bucket}/${object}`;
    const uploaded = this.#uploads.get(key);
    if (uploaded) return uploaded;
    const bytes = this.#world.doors.readObject(bucket, object);
    if (!bytes) throw new ApiError(400, `Failed to retrieve function source code: gs://${key} was not found.`);
    return this.keep(bytes);
  }

  #file(digest: string): string {
    return join(this.#folder, `${digest}.zip`);
  }

  save(): SavedSources {
    return { uploads: [...this.#uploads] };
  }

  load({ uploads }: SavedSources): void {
    for (const [key, digest] of uploads) this.#uploads.set(key, digest);
  }
}
