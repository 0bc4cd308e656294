import { ApiError } from "../frame/errors.ts";
import type { World } from "../frame/world.ts";
import { announceTopics } from "./events.ts";
import { isObject, type Json, type Rotation, type Secret } from "./model.ts";
import { invalid } from "./problems.ts";
import { parseDuration, parseInstant } from "./times.ts";

const FIELDS = new Set(
  (
    "name replication createTime labels topics expireTime ttl etag rotation versionAliases annotations " +
    "versionDestroyTtl customerManagedEncryption tags secretType policyMember"
  ).split(" "),
);
const MOST_TOPICS = 10;
const MOST_LABELS = 64;
const MOST_ALIASES = 50;
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 86_400;
const HUNDRED_YEARS_SECONDS = 3_153_600_000;

/** Refuses fields that a Secret does not have, and tags, which belong to a service that is not here. */
export function checkFields(world: World, body: Json): void {
  if (isObject(body.tags) && Object.keys(body.tags).length > 0) {
    throw new ApiError(501, "the field secret.tags is not emulated");
  }
  if (world.loose) return;
  const unknown = Object.keys(body).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) {
    throw invalid(`Invalid JSON payload received. Unknown name "${unknown}" at 'secret': Cannot find field.`);
  }
}

function textMap(value: unknown, field: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalid(`Invalid value for field [${field}].`);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, String(one)]));
}

function labels(value: unknown): Record<string, string> {
  const map = textMap(value, "secret.labels");
  if (Object.keys(map).length > MOST_LABELS) throw invalid(`A secret may have at most ${MOST_LABELS} labels.`);
  for (const [key, one] of Object.entries(map)) {
    if (!/^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key) || !/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(one)) {
      throw invalid(`Invalid label [${key}: ${one}].`);
    }
  }
  return map;
}

function annotations(value: unknown): Record<string, string> {
  const map = textMap(value, "secret.annotations");
  for (const key of Object.keys(map)) {
    if (!/^[a-z0-9A-Z]([\w.-]{0,61}[a-z0-9A-Z])?$/.test(key)) throw invalid(`Invalid annotation key [${key}].`);
  }
  const size = Object.entries(map).reduce((sum, [key, one]) => sum + Buffer.byteLength(key + one), 0);
  if (size >= 16_384) throw invalid("The total size of annotations must be less than 16 KiB.");
  return map;
}

function topics(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const names = Array.isArray(value) ? value.map((one) => (isObject(one) ? one.name : undefined)) : [];
  if (!Array.isArray(value) || names.some((name) => !/^projects\/[^/]+\/topics\/[^/]+$/.test(String(name ?? "")))) {
    throw invalid("Invalid value for field [secret.topics]: a topic is named projects/*/topics/*.");
  }
  if (names.length > MOST_TOPICS) throw invalid(`A secret may have at most ${MOST_TOPICS} topics.`);
  return names.map(String);
}

function aliases(value: unknown, secret: Secret): Record<string, string> {
  const map = textMap(value, "secret.version_aliases");
  if (Object.keys(map).length > MOST_ALIASES)
    throw invalid(`A secret may have at most ${MOST_ALIASES} version aliases.`);
  for (const [alias, number] of Object.entries(map)) {
    if (!/^[A-Za-z][\w-]{0,62}$/.test(alias) || alias === "latest" || alias === "NEW") {
      throw invalid(`Invalid version alias [${alias}].`);
    }
    if (!secret.versions.some((version) => String(version.number) === number)) {
      throw invalid(`Version alias [${alias}] refers to version [${number}], which does not exist.`);
    }
  }
  return map;
}

function rotation(value: unknown, now: number): Rotation | undefined {
  if (!isObject(value)) return undefined;
  const result: Rotation = {};
  if (value.nextRotationTime !== undefined) {
    result.nextAt = parseInstant(value.nextRotationTime, "secret.rotation.next_rotation_time");
    // Five minutes at least by the documentation; one less lets a client compute "in five minutes".
    if (result.nextAt < now + 240e6) throw invalid("next_rotation_time must be at least 5 minutes in the future.");
  }
  if (value.rotationPeriod !== undefined) {
    result.periodSeconds = parseDuration(value.rotationPeriod, "secret.rotation.rotation_period");
    if (result.periodSeconds < HOUR_SECONDS || result.periodSeconds > HUNDRED_YEARS_SECONDS) {
      throw invalid("rotation_period must be between 3600s (1 hour) and 3153600000s (100 years).");
    }
    if (result.nextAt === undefined) throw invalid("next_rotation_time must be set when rotation_period is set.");
  }
  return result;
}

const KMS_KEY = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/;

/** A Cloud KMS key in the place that secrets lie in, taken at its word: there is no Cloud KMS here. */
function requireKey(value: unknown, location: string): void {
  if (value === undefined || value === null) return;
  const name = isObject(value) ? value.kmsKeyName : undefined;
  if (typeof name !== "string" || !KMS_KEY.test(name)) throw invalid(`Invalid kms_key_name [${String(name)}].`);
  const place = name.split("/")[3];
  if (place !== location) throw invalid(`The Cloud KMS key [${name}] must be in the location [${location}].`);
}

/** Keys of all replicas or of none. */
function requireKeys(replicas: Json[]): void {
  for (const one of replicas) requireKey(one.customerManagedEncryption, String(one.location));
  const count = replicas.filter((one) => isObject(one.customerManagedEncryption)).length;
  if (count > 0 && count < replicas.length) {
    throw invalid("Either all replicas or none must have a customer-managed encryption key.");
  }
}

function replication(value: unknown): Json {
  if (!isObject(value)) throw invalid("Field [secret.replication] is required.");
  if (isObject(value.automatic)) {
    requireKey(value.automatic.customerManagedEncryption, "global");
    return { automatic: value.automatic };
  }
  const replicas = isObject(value.userManaged) ? value.userManaged.replicas : undefined;
  if (Array.isArray(replicas) && replicas.length > 0 && replicas.every((one) => isObject(one) && one.location)) {
    requireKeys(replicas.filter(isObject));
    return { userManaged: value.userManaged };
  }
  throw invalid("Field [secret.replication] must hold automatic, or user_managed with at least one replica.");
}

/** What the fields a caller can change do to a secret. Each reads its own part of the body. */
const CHANGES: Record<string, (secret: Secret, body: Json, now: number) => void> = {
  labels: (secret, body) => {
    secret.labels = labels(body.labels);
  },
  annotations: (secret, body) => {
    secret.annotations = annotations(body.annotations);
  },
  topics: (secret, body) => {
    secret.topics = topics(body.topics);
  },
  versionAliases: (secret, body) => {
    secret.aliases = aliases(body.versionAliases, secret);
  },
  expireTime: (secret, body, now) => {
    delete secret.expiresAt;
    if (body.expireTime === undefined || body.expireTime === null) return;
    secret.expiresAt = parseInstant(body.expireTime, "secret.expire_time");
    if (secret.expiresAt <= now) throw invalid("expire_time must be in the future.");
  },
  ttl: (secret, body, now) => {
    delete secret.expiresAt;
    if (body.ttl === undefined || body.ttl === null) return;
    secret.expiresAt = now + parseDuration(body.ttl, "secret.ttl") * 1e6;
  },
  rotation: (secret, body, now) => {
    const asked = rotation(body.rotation, now);
    if (asked) secret.rotation = asked;
    else delete secret.rotation;
  },
  versionDestroyTtl: (secret, body) => {
    delete secret.destroyDelaySeconds;
    if (body.versionDestroyTtl === undefined || body.versionDestroyTtl === null) return;
    const seconds = parseDuration(body.versionDestroyTtl, "secret.version_destroy_ttl");
    if (seconds < DAY_SECONDS || seconds > 1000 * DAY_SECONDS) {
      throw invalid("version_destroy_ttl must be between 1 and 1000 days.");
    }
    secret.destroyDelaySeconds = seconds;
  },
  customerManagedEncryption: (secret, body) => {
    if (secret.location === undefined && isObject(body.customerManagedEncryption)) {
      throw invalid("Field [secret.customer_managed_encryption] is for regional secrets: set it in the replication.");
    }
    requireKey(body.customerManagedEncryption, secret.location ?? "");
    if (isObject(body.customerManagedEncryption)) secret.customerManagedEncryption = body.customerManagedEncryption;
    else delete secret.customerManagedEncryption;
  },
};

function apply(world: World, secret: Secret, body: Json, fields: Iterable<string>, now: number): void {
  const chosen = new Set(fields);
  for (const field of chosen) CHANGES[field]?.(secret, body, now);
  if (secret.rotation && secret.topics.length === 0) {
    throw invalid("A secret with a rotation policy must have at least one topic.");
  }
  if (chosen.has("topics")) announceTopics(world, secret.topics);
}

/** Fills a new secret from a create request. */
export function applyAll(world: World, secret: Secret, body: Json, now: number): void {
  if (body.expireTime !== undefined && body.ttl !== undefined) {
    throw invalid("Only one of expire_time and ttl may be set.");
  }
  if (secret.location === undefined) secret.replication = replication(body.replication);
  else if (body.replication !== undefined) {
    throw invalid("Field [secret.replication] must not be set for a regional secret.");
  }
  if (typeof body.secretType === "string" && body.secretType !== "SECRET_TYPE_UNSPECIFIED") {
    if (body.secretType === "CLOUD_SQL_DB_CREDENTIALS" && secret.location === undefined) {
      throw invalid("The secret type [CLOUD_SQL_DB_CREDENTIALS] is for regional secrets.");
    }
    secret.secretType = body.secretType;
  }
  apply(world, secret, body, Object.keys(body), now);
}

/** Changes what the mask names: `labels`, `rotation.nextRotationTime` (a part stands for its whole). Throws 400. */
export function applyMasked(world: World, secret: Secret, body: Json, mask: string[], now: number): void {
  if (mask.length === 0) throw invalid("Field [update_mask] is required.");
  const fields = mask.map((path) => {
    const [field = "", part] = path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()).split(".");
    if (field === "rotation" && part !== undefined && isObject(body.rotation)) {
      const [key, now] = [part, secret.rotation ?? {}];
      const shown = {
        ...(now.nextAt !== undefined && { nextRotationTime: new Date(now.nextAt / 1000).toISOString() }),
        ...(now.periodSeconds !== undefined && { rotationPeriod: `${now.periodSeconds}s` }),
      };
      body.rotation = { ...shown, [key]: body.rotation[key] };
    }
    return field;
  });
  const wrong = fields.find((field) => !(field in CHANGES));
  if (wrong !== undefined) {
    throw invalid(
      wrong === "replication" || FIELDS.has(wrong)
        ? `Field [secret.${wrong}] is immutable or output only and cannot be updated.`
        : `Invalid value for field [update_mask]: there is no field [${wrong}].`,
    );
  }
  apply(world, secret, body, fields, now);
}
