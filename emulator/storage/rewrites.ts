import type { Call } from "../frame/http.ts";
import type { World } from "../frame/world.ts";
import type { Bucket, Generation } from "./model.ts";
import { invalid } from "./problems.ts";

const MEBIBYTE = 1_048_576;

interface Underway {
  /** What the calls of one rewrite must have in common. */
  about: string;
  bytes: number;
}

export type Progress = { done: true } | { done: false; bytes: number; token: string };

/**
 * True when the bytes themselves must be copied: to another place or class, or under another key. Only then does a
 * caller's limit per call matter. https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite
 */
export function isFar(call: Call, from: Bucket, to: Bucket, source: Generation): boolean {
  const asked = call.json().storageClass ?? to.settings.storageClass ?? "STANDARD";
  return (
    from.location !== to.location ||
    source.storageClass !== asked ||
    source.seal?.sha256 !== call.headers["x-goog-encryption-key-sha256"] ||
    call.query.has("destinationKmsKeyName")
  );
}

/** Rewrites that take more than one call, because the caller said how much a call may do. They do not outlive a restart. */
export class Rewrites {
  readonly #world: World;
  readonly #byToken = new Map<string, Underway>();

  constructor(world: World) {
    this.#world = world;
  }

  /** One call's work. Throws 400 for a limit or a token that is none. */
  go(call: Call, source: Generation, far: boolean): Progress {
    const limit = call.query.get("maxBytesRewrittenPerCall");
    const token = call.query.get("rewriteToken");
    const most = limit === null ? Number.POSITIVE_INFINITY : Number(limit);
    if (limit !== null && (!Number.isInteger(most) || most <= 0 || most % MEBIBYTE !== 0)) {
      throw invalid("maxBytesRewrittenPerCall must be a positive multiple of 1 MiB (1048576).");
    }
    const about = JSON.stringify([call.path, source.generation, limit]);
    const before = token === null ? { about, bytes: 0 } : this.#byToken.get(token);
    if (before?.about !== about) throw invalid("Invalid rewrite token.");
    const bytes = before.bytes + most;
    if (!far || bytes >= source.bytes.length) {
      if (token !== null) this.#byToken.delete(token);
      return { done: true };
    }
    const next = token ?? this.#world.ids.hex(64);
    this.#byToken.set(next, { about, bytes });
    return { done: false, bytes, token: next };
  }
}
