import type { Finding } from "./finding.ts";

/** Every way a run can end: the stable word that people and the control plane match on, and its exit code. */
export const exits = {
  /** Configured and sealed (or found as sealed), and ready where the manifest asks for readiness. */
  ready: 0,
  /** The metadata server is away; the seal holds and needs no secrets, so the machine starts with it. */
  unverified: 0,
  /** Sealed, but the application did not become ready in its time. Reported as failed. */
  "not-ready": 0,

  /** The metadata key moult-release is there and wrong. */
  "release-invalid": 10,
  /** The manifest, a template in it, or a name used in a template is wrong. */
  "manifest-invalid": 10,
  /** The configuration pack is not what its digest says. */
  "pack-invalid": 10,
  /** The image holds public keys, and the configuration's signature is missing or is by none of them. */
  "signature-invalid": 10,
  /** A value cannot stand where a template puts it without changing the file's shape. */
  "value-unfit": 10,

  /** What answers at the metadata address is not Google's metadata server, or refuses. */
  "metadata-refused": 11,
  /** The instance has no service account, and something needs a token. */
  "no-service-account": 11,
  /** The configuration bucket refuses, or the pack is not there. */
  "config-refused": 11,
  /** Secret Manager refuses: a role or a scope is missing. */
  "secret-refused": 11,
  /** The secret version does not exist. */
  "secret-missing": 11,
  /** The secret version is disabled or destroyed. */
  "secret-unusable": 11,
  /** The secret came with a wrong checksum again and again. */
  "secret-corrupt": 11,
  /** A disk that is to be used holds something else: another file system, or data without one. */
  "disk-foreign": 11,

  /** The deadline passed before the metadata server answered. */
  "metadata-unreachable": 12,
  /** The deadline passed before the configuration pack came. */
  "config-unreachable": 12,
  /** The deadline passed before a secret came. */
  "secret-unreachable": 12,
  /** A certificate is not valid yet, or no more, by this machine's clock, and stayed so until the deadline. */
  "clock-skew": 12,
  /** The deadline passed before a data disk was attached. */
  "disk-missing": 12,

  /** A destination is a folder, immutable or a mount point, or a link stands at or above it. */
  "path-refused": 13,
  /** Writing failed: full disk, read-only file system, missing right. */
  "place-failed": 13,
  /** /run is not a memory file system, so secrets have nowhere to go. */
  "not-in-memory": 13,
  /** A file system could not be made or mounted. */
  "disk-failed": 13,
  /** systemd does not read or start what was placed. */
  "units-failed": 13,
  /** The command of --exec cannot be started. */
  "exec-failed": 13,

  /** Another boot is at work on this machine. */
  busy: 13,

  /** A sealed file is not as it was sealed, or the seal itself cannot be read. */
  "seal-broken": 14,

  /** The command line is wrong. */
  usage: 64,

  /** moult-agent itself failed. */
  bug: 70,
} as const satisfies Record<string, number>;

export type Reason = keyof typeof exits;

/** A run that cannot go on. The message is for people and holds no value of a secret, an attribute or a template. */
export class Failure extends Error {
  readonly reason: Reason;
  readonly findings: readonly Finding[];

  constructor(reason: Reason, message: string, findings: readonly Finding[] = []) {
    super(message);
    this.reason = reason;
    this.findings = findings;
  }
}
