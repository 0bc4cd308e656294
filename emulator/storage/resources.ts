import { createHash } from "node:crypto";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { aclOf, grantResource } from "./acl.ts";
import { type Bucket, type Generation, isObject, type Json } from "./model.ts";
import { expiry } from "./retention.ts";
import { hasUniformAccess } from "./uniform.ts";

/** Resources as the JSON API shows them. */

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

/** Recorded etags are a protobuf in base64: field 1 the generation, field 2 the metageneration (`CMC6p+7mjpIDEAE=`). */
export function objectEtag({ generation, metageneration }: Generation): string {
  return Buffer.from([0x08, ...varint(BigInt(generation)), 0x10, ...varint(BigInt(metageneration))]).toString("base64");
}

/** Of a bucket only the metageneration: `CAE=` is 1. */
export function numberEtag(number: number): string {
  return Buffer.from([0x08, ...varint(BigInt(number))]).toString("base64");
}

function ownerOf(world: World): Json {
  return { entity: `project-owners-${world.projectNumber}` };
}

/** Checksums of what a customer-supplied key encrypts are shown only to who has the key. */
export function objectResource(
  world: World,
  bucket: Bucket,
  one: Generation,
  projection = "noAcl",
  hasKey = false,
): Json {
  const showHashes = one.seal === undefined || hasKey;
  const path = `b/${bucket.name}/o/${encodeURIComponent(one.name)}`;
  const { acl, ...settings } = one.settings;
  const expires = expiry(bucket, one);
  const showAcl = projection === "full" && !hasUniformAccess(bucket);
  return {
    kind: "storage#object",
    id: `${bucket.name}/${one.name}/${one.generation}`,
    selfLink: `${world.origin}/storage/v1/${path}`,
    mediaLink: `${world.origin}/download/storage/v1/${path}?generation=${one.generation}&alt=media`,
    name: one.name,
    bucket: bucket.name,
    generation: one.generation,
    metageneration: String(one.metageneration),
    storageClass: one.storageClass,
    size: String(one.bytes.length),
    ...(showHashes && { ...(one.md5 !== undefined && { md5Hash: one.md5 }), crc32c: one.crc32c }),
    etag: objectEtag(one),
    timeCreated: utc(one.createdAt),
    updated: utc(one.updatedAt),
    timeStorageClassUpdated: utc(one.createdAt),
    timeFinalized: utc(one.createdAt),
    ...(one.componentCount !== undefined && { componentCount: one.componentCount }),
    ...(one.seal && { customerEncryption: { encryptionAlgorithm: "AES256", keySha256: one.seal.sha256 } }),
    ...(one.kmsKeyName !== undefined && { kmsKeyName: one.kmsKeyName }),
    ...settings,
    ...(expires !== undefined && { retentionExpirationTime: utc(expires) }),
    ...(one.deletedAt !== undefined && { timeDeleted: utc(one.deletedAt) }),
    ...(one.soft && { softDeleteTime: utc(one.soft.at), hardDeleteTime: utc(one.soft.until) }),
    ...(showAcl && {
      owner: ownerOf(world),
      acl: aclOf(world, acl).map((grant) => grantResource(world, grant, bucket, one)),
    }),
  };
}

const MULTI_REGIONS = new Set(["US", "EU", "ASIA"]);

export function locationType(location: string): string {
  if (MULTI_REGIONS.has(location)) return "multi-region";
  return location.includes("-") ? "region" : "dual-region";
}

/** The emulator has one project; a bucket made for another id gets a number that stays the same. */
export function projectNumber(world: World, project: string): string {
  if (project === world.project || project === world.projectNumber) return world.projectNumber;
  const drawn = createHash("sha256").update(project).digest().readUIntBE(0, 5);
  return String(100_000_000_000 + (drawn % 900_000_000_000));
}

export function bucketResource(world: World, bucket: Bucket, projection = "noAcl"): Json {
  const { acl, defaultObjectAcl, ...settings } = bucket.settings;
  const { soft } = bucket;
  const type = isObject(settings.customPlacementConfig) ? "dual-region" : locationType(bucket.location);
  const showAcl = projection === "full" && !hasUniformAccess(bucket);
  return {
    kind: "storage#bucket",
    id: bucket.name,
    selfLink: `${world.origin}/storage/v1/b/${bucket.name}`,
    name: bucket.name,
    projectNumber: projectNumber(world, bucket.project),
    generation: bucket.generation,
    metageneration: String(bucket.metageneration),
    location: bucket.location,
    locationType: type,
    etag: numberEtag(bucket.metageneration),
    timeCreated: utc(bucket.createdAt),
    updated: utc(bucket.updatedAt),
    ...(type !== "region" && { rpo: "DEFAULT" }),
    ...settings,
    ...(soft && { softDeleteTime: utc(soft.at), hardDeleteTime: utc(soft.until) }),
    ...(showAcl && {
      owner: ownerOf(world),
      acl: aclOf(world, acl).map((grant) => grantResource(world, grant, bucket)),
      defaultObjectAcl: aclOf(world, defaultObjectAcl).map((grant) => grantResource(world, grant, bucket)),
    }),
  };
}
