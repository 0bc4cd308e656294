/** Where a configuration is kept: a folder on this computer, or the configuration bucket. Names hold slashes. */
export interface Objects {
  /** As messages call it: `gs://acme-moult-config`, or the folder. */
  place: string;
  read(name: string): Promise<StoredObject | undefined>;
  /**
   * Whole or not at all. Throws a `conflict` (functions/google/failure.ts) when the object is not at `ifGeneration` any more;
   * "0" means that there must be none. Returns the new generation.
   */
  write(name: string, bytes: Uint8Array, ifGeneration: string): Promise<string>;
  /** All names that begin with `prefix`, in order. */
  list(prefix: string): Promise<ListedObject[]>;
  /** Only at this generation: a `conflict` when somebody wrote it since. One that is gone already is no failure. */
  delete(name: string, ifGeneration: string): Promise<void>;
}

export interface StoredObject {
  bytes: Buffer;
  /** Decimal text. */
  generation: string;
}

export interface ListedObject {
  name: string;
  generation: string;
  size: number;
  /** When this generation was written, RFC 3339. */
  created: string;
}

/** Names of everything in a store. Digests are sha256 in lower-case hex. */
export const NAMES = {
  blob: (digest: string) => `blobs/${digest}`,
  commit: (digest: string) => `commits/${digest}.json`,
  signatures: (digest: string) => `signatures/${digest}.json`,
  pack: (digest: string) => `packs/${digest}.json`,
  ref: (ref: string) => `refs/${ref}.json`,
} as const;

export const DIGEST = /^[0-9a-f]{64}$/;
