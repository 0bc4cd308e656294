import { createHash } from "node:crypto";
import { crc32cBase64 } from "../frame/crc32c.ts";
import type { World } from "../frame/world.ts";
import type { Buckets } from "./buckets.ts";
import { type Conditions, requireMet } from "./conditions.ts";
import { addFoldersOf } from "./folders.ts";
import { type CustomerKey, sealed } from "./keys.ts";
import { type Bucket, type Generation, isObject, type Json } from "./model.ts";
import type { Announce } from "./notifications.ts";
import { invalid, noObject } from "./problems.ts";
import { requireReleased } from "./retention.ts";

/** What a new generation is made of. */
export interface Content {
  name: string;
  bytes: Buffer;
  settings: Json;
  storageClass?: string;
  /** Set for composed objects, which have no MD5. */
  componentCount?: number;
  /** Encrypts the bytes. */
  key?: CustomerKey | undefined;
  kmsKeyName?: string | undefined;
}

type Stored = Pick<Generation, "bytes" | "crc32c" | "md5" | "componentCount" | "seal" | "kmsKeyName">;

function storedFrom({ bytes, componentCount, key, kmsKeyName }: Content): Stored {
  return {
    ...(key ? sealed(bytes, key) : { bytes }),
    crc32c: crc32cBase64(bytes),
    ...(componentCount === undefined ? { md5: createHash("md5").update(bytes).digest("base64") } : { componentCount }),
    ...(kmsKeyName !== undefined && { kmsKeyName }),
  };
}

/** The bytes of a generation as they lie, encrypted or not. */
function storedOf({ bytes, crc32c, md5, componentCount, seal, kmsKeyName }: Generation): Stored {
  return {
    bytes,
    crc32c,
    ...(md5 !== undefined && { md5 }),
    ...(componentCount !== undefined && { componentCount }),
    ...(seal && { seal }),
    ...(kmsKeyName !== undefined && { kmsKeyName }),
  };
}

function isVersioned(bucket: Bucket): boolean {
  return isObject(bucket.settings.versioning) && bucket.settings.versioning.enabled === true;
}

/** https://cloud.google.com/storage/docs/objects#naming */
function requireName(name: string): void {
  const length = Buffer.byteLength(name);
  if (length === 0 || length > 1024 || /[\r\n]/.test(name) || name === "." || name === "..") {
    throw invalid("Invalid argument: the object name is not valid.");
  }
}

/** Once set it only moves on. https://cloud.google.com/storage/docs/metadata#custom-time */
function requireLaterTime(before: unknown, after: unknown): void {
  if (typeof before !== "string") return;
  if (typeof after === "string" && Date.parse(after) >= Date.parse(before)) return;
  throw invalid("The custom time of an object cannot be removed or set to an earlier time.");
}

/** Generations of objects: the only place where one comes to be, changes state or goes. */
export class Objects {
  readonly #world: World;
  readonly #buckets: Buckets;
  readonly #announce: Announce;

  constructor(world: World, buckets: Buckets, announce: Announce) {
    this.#world = world;
    this.#buckets = buckets;
    this.#announce = announce;
  }

  live(bucket: Bucket, name: string): Generation | undefined {
    const last = bucket.objects.get(name)?.at(-1);
    return last?.deletedAt === undefined ? last : undefined;
  }

  /** The live generation, or the named one. Throws 404. */
  get(bucket: Bucket, name: string, generation?: string): Generation {
    const one =
      generation === undefined
        ? this.live(bucket, name)
        : bucket.objects.get(name)?.find((other) => other.generation === generation);
    if (!one) throw noObject(bucket.name, name);
    return one;
  }

  /** Throws what `put` would throw, without storing anything. */
  check(bucket: Bucket, name: string, conditions: Conditions): Generation | undefined {
    requireName(name);
    const before = this.live(bucket, name);
    requireMet(conditions, before);
    // With versioning the old generation is kept, but a hold or a retention refuses its replacement all the same.
    if (before) requireReleased(bucket, before, this.#world.clock.now());
    return before;
  }

  /** Stores a new live generation; what was live is archived, soft-deleted or gone, as the bucket says. */
  put(bucket: Bucket, content: Content, conditions: Conditions): Generation {
    this.check(bucket, content.name, conditions);
    return this.#make(bucket, content, storedFrom(content), conditions);
  }

  /** A new live generation, under any name, of what an old one holds; a customer-supplied key is not needed for it. */
  again(bucket: Bucket, name: string, old: Generation, conditions: Conditions): Generation {
    return this.#make(bucket, { ...old, name }, storedOf(old), conditions);
  }

  #make(
    bucket: Bucket,
    content: Pick<Content, "name" | "settings" | "storageClass">,
    stored: Stored,
    conditions: Conditions,
  ): Generation {
    const before = this.check(bucket, content.name, conditions);
    const now = this.#world.clock.now();
    const one: Generation = {
      name: content.name,
      generation: String(this.#buckets.micros.next()),
      metageneration: 1,
      ...stored,
      settings: content.settings,
      storageClass: content.storageClass ?? String(bucket.settings.storageClass ?? "STANDARD"),
      createdAt: now,
      updatedAt: now,
    };
    addFoldersOf(bucket, one.name, now);
    const { defaultObjectAcl } = bucket.settings;
    if (Array.isArray(defaultObjectAcl)) one.settings = { acl: defaultObjectAcl, ...one.settings };
    if (bucket.settings.defaultEventBasedHold === true && one.settings.eventBasedHold === undefined) {
      one.settings = { ...one.settings, eventBasedHold: true };
    }
    if (before) this.#retire(bucket, before, one.generation);
    const generations = bucket.objects.get(one.name);
    if (generations) generations.push(one);
    else bucket.objects.set(one.name, [one]);
    this.#world.changed();
    this.#announce(bucket, "OBJECT_FINALIZE", one, before && { overwroteGeneration: before.generation });
    return one;
  }

  /** Without a generation the live one, which a versioned bucket keeps as noncurrent; with one, that one for good. */
  delete(bucket: Bucket, name: string, generation: string | undefined, conditions: Conditions): void {
    const one = this.get(bucket, name, generation);
    requireMet(conditions, one);
    requireReleased(bucket, one, this.#world.clock.now());
    if (generation === undefined) this.#retire(bucket, one, undefined);
    else this.#remove(bucket, one, undefined);
    this.#world.changed();
  }

  /** Replaces what the caller may set. */
  describe(bucket: Bucket, one: Generation, settings: Json): void {
    requireLaterTime(one.settings.customTime, settings.customTime);
    one.settings = settings;
    one.metageneration += 1;
    one.updatedAt = this.#world.clock.now();
    this.#world.changed();
    this.#announce(bucket, "OBJECT_METADATA_UPDATE", one);
  }

  /** Soft-deleted generations that can still be restored; those past their time are forgotten here. */
  softDeleted(bucket: Bucket): Generation[] {
    const now = this.#world.clock.now();
    bucket.softDeleted = bucket.softDeleted.filter(({ soft }) => soft !== undefined && soft.until > now);
    return bucket.softDeleted;
  }

  /** Makes a soft-deleted generation live again, as a new generation. Throws 404. */
  restore(bucket: Bucket, name: string, generation: string, conditions: Conditions): Generation {
    const old = this.softDeleted(bucket).find((one) => one.name === name && one.generation === generation);
    if (!old) throw noObject(bucket.name, name);
    return this.again(bucket, name, old, conditions);
  }

  #retire(bucket: Bucket, one: Generation, overwrittenBy: string | undefined): void {
    if (!isVersioned(bucket)) {
      this.#remove(bucket, one, overwrittenBy);
      return;
    }
    one.deletedAt = this.#world.clock.now();
    this.#announce(bucket, "OBJECT_ARCHIVE", one, overwritten(overwrittenBy));
  }

  #remove(bucket: Bucket, one: Generation, overwrittenBy: string | undefined): void {
    const left = (bucket.objects.get(one.name) ?? []).filter((other) => other !== one);
    if (left.length > 0) bucket.objects.set(one.name, left);
    else bucket.objects.delete(one.name);
    const now = this.#world.clock.now();
    one.deletedAt ??= now;
    this.#announce(bucket, "OBJECT_DELETE", one, overwritten(overwrittenBy));
    const { softDeletePolicy } = bucket.settings;
    const seconds = isObject(softDeletePolicy) ? Number(softDeletePolicy.retentionDurationSeconds) : 0;
    if (seconds > 0) {
      this.softDeleted(bucket);
      bucket.softDeleted.push({ ...one, soft: { at: now, until: now + seconds * 1000 } });
    }
  }
}

function overwritten(by: string | undefined): Record<string, string> | undefined {
  return by === undefined ? undefined : { overwrittenByGeneration: by };
}
