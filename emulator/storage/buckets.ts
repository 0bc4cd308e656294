import { ApiError } from "../frame/errors.ts";
import { Micros } from "../frame/micros.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { type Conditions, requireMet } from "./conditions.ts";
import { checkLifecycle } from "./lifecycle.ts";
import { type Bucket, isObject, type Json, merged } from "./model.ts";
import { checkFields, invalid, noBucket, notServed } from "./problems.ts";

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
const STORAGE_CLASSES = new Set(
  "STANDARD NEARLINE COLDLINE ARCHIVE MULTI_REGIONAL REGIONAL DURABLE_REDUCED_AVAILABILITY".split(" "),
);
const DAY_SECONDS = 86_400;
const SOFT_DELETE_DEFAULT_SECONDS = 7 * DAY_SECONDS;
const SOFT_DELETE_MAX_SECONDS = 90 * DAY_SECONDS;

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

  adopt(bucket: Bucket): void {
    this.#byName.set(bucket.name, bucket);
  }

  create(project: string, body: Json): Bucket {
    checkFields(this.#world, body, KNOWN);
    if (typeof body.name !== "string" || body.name === "") {
      throw new ApiError(400, "Required", { reason: "required" });
    }
    requireName(body.name);
    if (this.#byName.has(body.name)) {
      throw new ApiError(409, "Your previous request to create the named bucket succeeded and you already own it.", {
        reason: "conflict",
      });
    }
    const now = this.#world.clock.now();
    const bucket: Bucket = {
      name: body.name,
      project,
      generation: String(this.micros.next()),
      metageneration: 1,
      location: typeof body.location === "string" && body.location !== "" ? body.location.toUpperCase() : "US",
      settings: this.#complete(settingsOf(merged({}, body)), undefined),
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
    const base = replace ? {} : bucket.settings;
    bucket.settings = this.#complete(merged(base, settingsOf(body)), bucket);
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
    this.#world.changed();
  }

  /** Checks settings and fills in what the server decides. */
  #complete(settings: Json, before: Bucket | undefined): Json {
    const now = utc(this.#world.clock.now());
    const hierarchical = settings.hierarchicalNamespace;
    if (isObject(hierarchical) && hierarchical.enabled === true) throw notServed("hierarchicalNamespace of a bucket");
    const { autoclass, encryption, ipFilter } = settings;
    if (isObject(autoclass) && autoclass.enabled === true) throw notServed("autoclass of a bucket");
    if (isObject(encryption) && encryption.defaultKmsKeyName) throw notServed("encryption with a Cloud KMS key");
    if (isObject(ipFilter) && ipFilter.mode === "Enabled") throw notServed("ipFilter of a bucket");
    checkLifecycle(settings.lifecycle);
    const storageClass = settings.storageClass ?? "STANDARD";
    if (typeof storageClass !== "string" || !STORAGE_CLASSES.has(storageClass)) {
      throw invalid(`Invalid storage class: ${String(storageClass)}`);
    }
    const kept = before?.settings.retentionPolicy;
    if (isObject(kept) && kept.isLocked === true && !isObject(settings.retentionPolicy)) {
      throw new ApiError(403, "Cannot remove a locked Retention Policy for bucket.", { reason: "forbidden" });
    }
    return {
      ...settings,
      storageClass,
      iamConfiguration: accessConfiguration(
        settings.iamConfiguration,
        before?.settings.iamConfiguration,
        utc(this.#world.clock.now() + 90 * DAY_SECONDS * 1000),
      ),
      softDeletePolicy: softDelete(settings.softDeletePolicy, before?.settings.softDeletePolicy, now),
      ...(isObject(settings.retentionPolicy) && {
        retentionPolicy: retention(settings.retentionPolicy, before?.settings.retentionPolicy, now),
      }),
    };
  }
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

/** Uniform access under both its names, with the instant until which it can be taken back. */
function accessConfiguration(given: unknown, before: unknown, lockedUntil: string): Json {
  const asked = isObject(given) ? given : {};
  const uniform = isObject(asked.uniformBucketLevelAccess)
    ? asked.uniformBucketLevelAccess
    : isObject(asked.bucketPolicyOnly)
      ? asked.bucketPolicyOnly
      : {};
  const was = isObject(before) && isObject(before.uniformBucketLevelAccess) ? before.uniformBucketLevelAccess : {};
  const enabled = uniform.enabled === true;
  const access = enabled
    ? { enabled, lockedTime: was.enabled === true ? was.lockedTime : lockedUntil }
    : { enabled: false };
  return {
    ...asked,
    bucketPolicyOnly: access,
    uniformBucketLevelAccess: access,
    publicAccessPrevention: asked.publicAccessPrevention ?? "inherited",
  };
}

/** Seven days unless the caller says otherwise. https://cloud.google.com/storage/docs/soft-delete */
function softDelete(given: unknown, before: unknown, now: string): Json {
  const text = isObject(given) ? given.retentionDurationSeconds : undefined;
  const seconds = text === undefined ? SOFT_DELETE_DEFAULT_SECONDS : Number(text);
  const isAllowed = seconds === 0 || (seconds >= SOFT_DELETE_DEFAULT_SECONDS && seconds <= SOFT_DELETE_MAX_SECONDS);
  if (!Number.isInteger(seconds) || !isAllowed) {
    throw invalid("Soft delete policy retention duration must be 0 or between 7 days and 90 days.");
  }
  const same = isObject(before) && before.retentionDurationSeconds === String(seconds);
  return {
    retentionDurationSeconds: String(seconds),
    effectiveTime: same ? before.effectiveTime : now,
  };
}

function retention(given: Json, before: unknown, now: string): Json {
  const seconds = Number(given.retentionPeriod);
  if (!Number.isInteger(seconds) || seconds <= 0) throw invalid("Invalid retention period.");
  if (isObject(before) && before.isLocked === true && seconds < Number(before.retentionPeriod)) {
    throw new ApiError(403, "Cannot reduce retention duration of a locked Retention Policy for bucket.", {
      reason: "forbidden",
    });
  }
  const same = isObject(before) && before.retentionPeriod === String(seconds);
  return {
    ...given,
    retentionPeriod: String(seconds),
    effectiveTime: same ? before.effectiveTime : now,
  };
}
