/** JSON as REST has it: camelCase, instants and durations as text, bytes in base64. Both transports speak it inward. */
export type Json = Record<string, unknown>;

export type VersionState = "ENABLED" | "DISABLED" | "DESTROYED";

/** Instants in microseconds since the epoch. */
export interface Version {
  number: number;
  state: VersionState;
  createdAt: number;
  destroyedAt?: number;
  /** When a delayed destruction happens. */
  destroyAt?: number;
  etag: string;
  /** Gone once destroyed. */
  payload?: Buffer;
  /** The caller sent a checksum with the payload. */
  hadChecksum: boolean;
}

export interface Rotation {
  nextAt?: number;
  periodSeconds?: number;
}

export interface Secret {
  /** The project's id. */
  project: string;
  /** Of a regional secret. */
  location?: string;
  id: string;
  createdAt: number;
  etag: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  topics: string[];
  /** Absent for regional secrets. */
  replication?: Json;
  expiresAt?: number;
  rotation?: Rotation;
  /** Alias → version number. */
  aliases: Record<string, string>;
  destroyDelaySeconds?: number;
  customerManagedEncryption?: Json;
  secretType?: string;
  /** Oldest first. */
  versions: Version[];
  versionsMade: number;
  policy: { bindings: unknown[]; version: number; revision: number };
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
