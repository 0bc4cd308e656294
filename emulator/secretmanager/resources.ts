import type { World } from "../frame/world.ts";
import { isObject, type Json, type Secret, type Version } from "./model.ts";
import { withNumber } from "./names.ts";
import { instantText } from "./times.ts";

/** Resources as answers and events show them. */

export function secretName(world: World, { project, location, id }: Secret): string {
  return `${withNumber(world, project)}${location === undefined ? "" : `/locations/${location}`}/secrets/${id}`;
}

export function versionName(world: World, secret: Secret, version: Version): string {
  return `${secretName(world, secret)}/versions/${version.number}`;
}

export function secretResource(world: World, secret: Secret): Json {
  const { rotation } = secret;
  const some = (map: Record<string, string>) => Object.keys(map).length > 0;
  return {
    name: secretName(world, secret),
    ...(secret.replication && { replication: secret.replication }),
    createTime: instantText(secret.createdAt),
    ...(some(secret.labels) && { labels: secret.labels }),
    ...(secret.topics.length > 0 && { topics: secret.topics.map((name) => ({ name })) }),
    ...(secret.expiresAt !== undefined && { expireTime: instantText(secret.expiresAt) }),
    etag: secret.etag,
    ...(rotation && {
      rotation: {
        ...(rotation.nextAt !== undefined && { nextRotationTime: instantText(rotation.nextAt) }),
        ...(rotation.periodSeconds !== undefined && { rotationPeriod: `${rotation.periodSeconds}s` }),
      },
    }),
    ...(some(secret.aliases) && { versionAliases: secret.aliases }),
    ...(some(secret.annotations) && { annotations: secret.annotations }),
    ...(secret.destroyDelaySeconds !== undefined && { versionDestroyTtl: `${secret.destroyDelaySeconds}s` }),
    ...(secret.customerManagedEncryption && { customerManagedEncryption: secret.customerManagedEncryption }),
    ...(secret.secretType !== undefined && { secretType: secret.secretType }),
  };
}

/** The version of a Cloud KMS key that a payload is marked with: the first, there being no Cloud KMS here. */
function encryptionStatus(settings: unknown): Json | undefined {
  if (!isObject(settings) || typeof settings.kmsKeyName !== "string") return undefined;
  return { kmsKeyVersionName: `${settings.kmsKeyName}/cryptoKeyVersions/1` };
}

function withEncryption(settings: unknown): Json {
  const status = encryptionStatus(settings);
  return status ? { customerManagedEncryption: status } : {};
}

function replicationStatus({ replication }: Secret): Json {
  const { automatic, userManaged } = replication ?? {};
  if (!isObject(userManaged)) {
    return { automatic: withEncryption(isObject(automatic) ? automatic.customerManagedEncryption : undefined) };
  }
  const replicas = Array.isArray(userManaged.replicas) ? userManaged.replicas.filter(isObject) : [];
  return {
    userManaged: {
      replicas: replicas.map(({ location, customerManagedEncryption }) => ({
        location,
        ...withEncryption(customerManagedEncryption),
      })),
    },
  };
}

/** Never with the payload. */
export function versionResource(world: World, secret: Secret, version: Version): Json {
  return {
    name: versionName(world, secret, version),
    createTime: instantText(version.createdAt),
    ...(version.destroyedAt !== undefined && { destroyTime: instantText(version.destroyedAt) }),
    state: version.state,
    ...(secret.replication
      ? { replicationStatus: replicationStatus(secret) }
      : withEncryption(secret.customerManagedEncryption)),
    etag: version.etag,
    ...(version.hadChecksum && { clientSpecifiedPayloadChecksum: true }),
    ...(version.destroyAt !== undefined && { scheduledDestroyTime: instantText(version.destroyAt) }),
  };
}
