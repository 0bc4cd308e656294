import { ApiError } from "../frame/errors.ts";
import type { Route } from "../frame/router.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import type { Buckets } from "./buckets.ts";
import type { Bucket, Json } from "./model.ts";
import { permit } from "./problems.ts";

/** Long operations of a bucket, each done at once: they are remembered for who polls them, while the emulator runs. */
export class Operations {
  readonly #world: World;
  readonly #byBucket = new Map<string, Map<string, Json>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** `type` as the API has it, e.g. `rename_folder`. */
  done(bucket: Bucket, type: string, response: Json): Json {
    const id = this.#world.ids.hex(24);
    const now = utc(this.#world.clock.now());
    const operation = {
      kind: "storage#operation",
      name: `projects/_/buckets/${bucket.name}/operations/${id}`,
      selfLink: `${this.#world.origin}/storage/v1/b/${bucket.name}/operations/${id}`,
      metadata: {
        "@type": `type.googleapis.com/google.storage.control.v2.${type}`,
        commonMetadata: { createTime: now, endTime: now, updateTime: now, type, progressPercent: 100 },
      },
      done: true,
      response,
    };
    const known = this.#byBucket.get(bucket.name) ?? new Map<string, Json>();
    this.#byBucket.set(bucket.name, known.set(id, operation));
    return operation;
  }

  routes(buckets: Buckets): Route[] {
    const path = "/b/{bucket}/operations";
    return [
      {
        id: "storage.buckets.operations.list",
        method: "GET",
        path,
        run: ({ params: { bucket = "" }, headers }) => {
          permit(this.#world, headers, "storage.bucketOperations.list", bucket);
          const operations = [...(this.#byBucket.get(buckets.get(bucket).name)?.values() ?? [])];
          return { json: { kind: "storage#operations", ...(operations.length > 0 && { operations }) } };
        },
      },
      {
        id: "storage.buckets.operations.get",
        method: "GET",
        path: `${path}/{operation}`,
        run: ({ params: { bucket = "", operation = "" }, headers }) => {
          permit(this.#world, headers, "storage.bucketOperations.get", bucket);
          const found = this.#byBucket.get(buckets.get(bucket).name)?.get(operation);
          if (!found) throw new ApiError(404, `The operation ${operation} does not exist.`, { reason: "notFound" });
          return { json: found };
        },
      },
    ];
  }
}
