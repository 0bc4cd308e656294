import { ApiError } from "../frame/errors.ts";
import { Micros } from "../frame/micros.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { completed, DAY_SECONDS } from "./bucket-settings.ts";
import { type Conditions, requireMet } from "./conditions.ts";
import { type Bucket, isObject, type Json, merged } from "./model.ts";
import { checkFields, invalid, noBucket } from "./problems.ts";

const SETTINGS = new Set(
  (
    "acl autoclass billing cors customPlacementConfig defaultEventBasedHold defaultObjectAcl encryption " +
    "hierarchicalNamespace iamConfiguration ipFilter labels lifecycle logging objectRetention retentionPolicy rpo " +
    "softDeletePolicy storageClass versioning website"
  ).split(" "),
);

/** Fields a caller may send back although only the server sets them, as clients do after a get. */
const OUTPUT_ONLY =
  "etag generation hardDeleteTime id kind location locationType metageneration name owner projectNumber satisfiesPZI satisfiesPZS selfLink softDeleteTime timeCreated updated".split(
    " ",
  );

const KNOWN = new Set([...SETTINGS, ...OUTPUT_ONLY]);
/** https://cloud.google.com/storage/docs/buckets#naming */
function requireName(name: string): void {
  const parts = name.split(".");
  const ok =
    /^[a-z0-9][a-z0-9._-]*[a-z0-9]$/.test(name) &&
    name.length >= 3 &&
    name.length <= 222 &&
    parts.every((part) => part.length > 0 && part.length <= 63) &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !name.startsWith("goog");
  if (!ok) throw invalid(`Invalid bucket name: '${name}'`);
}

/** All buckets. Names are global, whatever the project. */
export class Buckets {
  readonly #world: World;
  readonly #byName = new Map<string, Bucket>();
  #soft: Bucket[] = [];
  readonly micros: Micros;

  constructor(world: World) {
    this.#world = world;
    this.micros = new Micros(world.clock);
  }

  get(name: string): Bucket {
    const bucket = this.#byName.get(name);
    if (!bucket) throw noBucket();
    return bucket;
  }

  find(name: string): Bucket | undefined {
    return this.#byName.get(name);
  }

  /** Sorted by name. */
  list(project: string): Bucket[] {
    return [...this.#byName.values()]
      .filter((bucket) => bucket.project === project)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  all(): Bucket[] {
    return [...this.#byName.values()];
  }

  /** Buckets that can still be restored; those past their time are forgotten here. */
  softDeleted(): Bucket[] {
    const now = this.#world.clock.now();
    this.#soft = this.#soft.filter(({ soft }) => soft !== undefined && soft.until > now);
    return this.#soft;
  }

  /** Throws 404. */
  getSoftDeleted(name: string, generation: string): Bucket {
    const bucket = this.softDeleted().find((one) => one.name === name && one.generation === generation);
    if (!bucket) throw noBucket();
    return bucket;
  }

  /** With its objects as they were soft-deleted. Throws 404, and 409 where a bucket has its name now. */
  restore(name: string, generation: string): Bucket {
    const bucket = this.getSoftDeleted(name, generation);
    if (this.#byName.has(name)) throw nameTaken();
    delete bucket.soft;
    this.#soft = this.#soft.filter((one) => one !== bucket);
    this.#byName.set(name, bucket);
    this.touch(bucket);
    return bucket;
  }

  adopt(bucket: Bucket): void {
    if (bucket.soft) this.#soft.push(bucket);
    else this.#byName.set(bucket.name, bucket);
  }

  create(project: string, body: Json, objectRetention = false): Bucket {
    checkFields(this.#world, body, KNOWN);
    if (typeof body.name !== "string" || body.name === "") {
      throw new ApiError(400, "Required", { reason: "required" });
    }
    requireName(body.name);
    if (this.#byName.has(body.name)) throw nameTaken();
    const now = this.#world.clock.now();
    const enabled = objectRetention ? { objectRetention: { mode: "Enabled" } } : {};
    const bucket: Bucket = {
      name: body.name,
      project,
      generation: String(this.micros.next()),
      metageneration: 1,
      location: typeof body.location === "string" && body.location !== "" ? body.location.toUpperCase() : "US",
      settings: this.#complete({ ...settingsOf(merged({}, body)), ...enabled }, undefined),
      createdAt: now,
      updatedAt: now,
      policy: { version: 1, revision: 1, bindings: legacyBindings(project) },
      notifications: [],
      notificationsMade: 0,
      objects: new Map(),
      softDeleted: [],
    };
    this.#byName.set(bucket.name, bucket);
    this.#world.changed();
    return bucket;
  }

  /** `replace` is the PUT form: what the body leaves out goes back to its default. */
  change(bucket: Bucket, body: Json, replace: boolean): void {
    checkFields(this.#world, body, KNOWN);
    const { objectRetention, hierarchicalNamespace } = bucket.settings;
    // Neither can be taken away, by leaving it out either.
    const lasting = {
      ...(isObject(objectRetention) && { objectRetention }),
      ...(isObject(hierarchicalNamespace) && { hierarchicalNamespace }),
    };
    const base = replace ? lasting : bucket.settings;
    bucket.settings = this.#complete({ ...merged(base, settingsOf(body)), ...lasting }, bucket);
    this.touch(bucket);
  }

  touch(bucket: Bucket): void {
    bucket.metageneration += 1;
    bucket.updatedAt = this.#world.clock.now();
    this.#world.changed();
  }

  /** Soft-deleted generations do not keep a bucket from being deleted. */
  delete(bucket: Bucket, conditions: Conditions): void {
    requireMet(conditions, bucket);
    if (bucket.objects.size > 0) {
      throw new ApiError(409, "The bucket you tried to delete is not empty.", { reason: "conflict" });
    }
    this.#byName.delete(bucket.name);
    const { softDeletePolicy } = bucket.settings;
    const seconds = isObject(softDeletePolicy) ? Number(softDeletePolicy.retentionDurationSeconds) : 0;
    const now = this.#world.clock.now();
    if (seconds > 0) this.#soft.push({ ...bucket, soft: { at: now, until: now + seconds * 1000 } });
    this.#world.changed();
  }

  #complete(settings: Json, before: Bucket | undefined): Json {
    const now = this.#world.clock.now();
    return completed(settings, before?.settings, utc(now), utc(now + 90 * DAY_SECONDS * 1000));
  }
}

function nameTaken(): ApiError {
  return new ApiError(409, "Your previous request to create the named bucket succeeded and you already own it.", {
    reason: "conflict",
  });
}

function settingsOf(body: Json): Json {
  return Object.fromEntries(Object.entries(body).filter(([key]) => SETTINGS.has(key)));
}

function legacyBindings(project: string): unknown[] {
  return [
    {
      role: "roles/storage.legacyBucketOwner",
      members: [`projectEditor:${project}`, `projectOwner:${project}`],
    },
    { role: "roles/storage.legacyBucketReader", members: [`projectViewer:${project}`] },
  ];
}
