/** The documents that cross moult's own walls. docs/contracts.md says what they mean. */

/** Value of the instance metadata key `moult-release`. */
export interface ReleaseMetadata {
  release: string;
  fleet: string;
  image: { name: string; id: string };
  config?: { bucket: string; commit: string };
  /** Name used by the manifest → `projects/P/secrets/S/versions/N`. */
  secrets: Record<string, string>;
  reports?: { bucket: string; topic: string };
}

/** A commit with all its blobs in one object; named by the sha256 of the canonical JSON of `commit`. */
export interface ConfigPack {
  commit: ConfigCommit;
  /** sha256 → base64 */
  blobs: Record<string, string>;
}

export interface ConfigCommit {
  /** path → sha256 of the blob */
  tree: Record<string, string>;
  manifest: unknown;
  parent: string | null;
  message: string;
  author: string;
  time: string;
}

export type BootVerdict = "ready" | "failed" | "unverified";

export interface BootReport {
  report: 1;
  fleet: string;
  release: string;
  instance: { id: string; name: string; zone: string; project: string; projectNumber: string };
  verdict: BootVerdict;
  /** Stable machine word. */
  reason: string;
  /** Sentence for people; never holds a value of a secret or a template. */
  message: string;
  /** Identifies one boot of one instance. */
  boot: string;
  bootedAt: string;
  agent: string;
  files: { path: string; sha256: string; mode: string; owner: string }[];
  /** `at`: ms since the agent's start. */
  phases: { name: string; at: number; ms: number }[];
}

/** Object in the reports bucket. `report` is the exact text whose sha256 stands in the token's audience. */
export interface SignedReport {
  report: string;
  token: string;
}
