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

/**
 * A commit with all its blobs in one object; named by the sha256 of the canonical JSON of `commit`. The object's bytes are
 * the canonical JSON of the whole.
 */
export interface ConfigPack {
  /** sha256 → base64; exactly those that the tree names. */
  blobs: Record<string, string>;
  commit: ConfigCommit;
  /**
   * Id of a key → base64 of its Ed25519 signature over the UTF-8 bytes of the canonical JSON of `commit`. Needed where the
   * image holds public keys; absent when nobody has signed. The id is the sha256, in hex, of the raw 32-byte public key.
   */
  signatures?: Record<string, string>;
}

/** A key that the image trusts and that signed what the machine runs. */
export interface Signer {
  key: string;
  /** Name of the key's file in the image, without `.pem` or `.pub.pem`. */
  name: string;
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
  /** Absent when nothing was sealed, or nobody's signature was asked for. */
  signedBy?: Signer[];
  /** `at`: ms since the agent's start. */
  phases: { name: string; at: number; ms: number }[];
}

/** What a sealed machine says of itself when it changed, or is again as it was sealed. Signed as boot reports are. */
export interface DriftReport {
  drift: 1;
  fleet: string;
  release: string;
  instance: BootReport["instance"];
  verdict: "drifted" | "restored";
  /** When it was found, RFC 3339, by the machine's clock. */
  at: string;
  agent: string;
  /** `stop`: the manifest's units were stopped. */
  action: "report" | "stop";
  /** What is not as it was sealed, at most the first 1,000; empty when all is again. */
  differences: { path: string; what: string }[];
}

/** Object in the reports bucket. `report` is the exact text whose sha256 stands in the token's audience. */
export interface SignedReport {
  report: string;
  token: string;
}
