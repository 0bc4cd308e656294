/** JSON as it came from a caller. */
export type Json = Record<string, unknown>;

/** One generation of an object. Live while it has neither `deletedAt` nor `soft`. Instants in ms. */
export interface Generation {
  name: string;
  /** Microseconds since the epoch, as text. */
  generation: string;
  metageneration: number;
  bytes: Buffer;
  crc32c: string;
  /** Absent for composed objects, which have none. */
  md5?: string;
  componentCount?: number;
  /** What the caller may set, checked: `contentType`, `metadata`, holds and so on. */
  settings: Json;
  storageClass: string;
  /** Set when a customer-supplied key is needed to read the bytes: the key's digest and where the cipher began. */
  seal?: { sha256: string; iv: string };
  /** The version of a Cloud KMS key that it is marked with. */
  kmsKeyName?: string;
  createdAt: number;
  updatedAt: number;
  /** Set when it became noncurrent. */
  deletedAt?: number;
  /** Set while it can only be restored. */
  soft?: { at: number; until: number };
}

export interface Notification {
  id: string;
  /** `//pubsub.googleapis.com/projects/P/topics/T` */
  topic: string;
  payload_format: string;
  event_types?: string[];
  custom_attributes?: Record<string, string>;
  object_name_prefix?: string;
}

/** A managed folder, or a folder of a bucket with a hierarchical namespace. Its name ends in a slash. */
export interface Folder {
  name: string;
  metageneration: number;
  createdAt: number;
  updatedAt: number;
  policy?: Policy;
}

export interface Policy {
  bindings: unknown[];
  version: number;
  revision: number;
}

export interface Bucket {
  name: string;
  project: string;
  generation: string;
  metageneration: number;
  location: string;
  /** What the caller may set, checked and completed. */
  settings: Json;
  createdAt: number;
  updatedAt: number;
  policy: Policy;
  notifications: Notification[];
  notificationsMade: number;
  /** Generations by name, oldest first; the live one, if any, is last. */
  objects: Map<string, Generation[]>;
  softDeleted: Generation[];
  folders?: Folder[];
  managedFolders?: Folder[];
  /** Set while the whole bucket can only be restored. */
  soft?: { at: number; until: number };
}

/** RFC 7396 in place of a copy: what is null goes, objects merge, the rest replaces. */
export function merged(into: Json, patch: Json): Json {
  const result: Json = { ...into };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (isObject(value)) result[key] = merged(isObject(result[key]) ? result[key] : {}, value);
    else result[key] = value;
  }
  return result;
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
