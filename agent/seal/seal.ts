import { Failure } from "../outcome.ts";
import { type Disk, readNoFollow, unlessMissing } from "../place/disk.ts";
import { stateFolder } from "../place/journal.ts";
import type { FormatName, Scalar } from "../plan/manifest.ts";

export const sealPath = `${stateFolder}/seal.json`;

interface Sealed {
  path: string;
  uid: number;
  gid: number;
  /** As the manifest says it, or numbers; for reports. */
  owner: string;
  mode: number;
}

export interface SealedFile extends Sealed {
  sha256: string;
}

/**
 * A file that holds a secret: its bytes are in memory, its path is a link to them. Everything needed to make it again is
 * kept, so that later boots make it from what was known then; only values of secrets are fetched anew.
 */
export interface SealedSecret extends Sealed {
  /** Path of the bytes. */
  target: string;
  /** What stands in the link: relative, so that it holds under any root. */
  link: string;
  content: { secret: string } | { template: string; where: string; format: FormatName; names: Record<string, Scalar> };
}

export interface SealedReady {
  kind: "http" | "tcp" | "command";
  words: string[];
  withinMs: number;
}

/** The record of a configuration that is final. It ties the configuration to one instance id. */
export interface Seal {
  seal: 1;
  instance: string;
  release: string;
  fleet: string;
  reports: { bucket: string; topic: string } | null;
  agent: string;
  bootedAt: string;
  sealedAt: string;
  files: SealedFile[];
  secretFiles: SealedSecret[];
  directories: Sealed[];
  /** Folders the agent made, outermost first. */
  made: string[];
  /** Secret name → full version name, of those that are needed. */
  secrets: Record<string, string>;
  units: string[];
  ready: SealedReady | null;
  driftEveryMs: number | null;
}

/** undefined when this disk was never sealed. A seal that cannot be read does not hold. */
export function readSeal(disk: Disk, root: string): Seal | undefined {
  try {
    const bytes = unlessMissing(() => readNoFollow(disk, root + sealPath));
    if (bytes === undefined) return undefined;
    const seal: Seal = JSON.parse(bytes.toString());
    if (seal.seal === 1 && typeof seal.instance === "string" && Array.isArray(seal.files)) return seal;
  } catch {
    // Said below: an error of the parser would quote the file.
  }
  throw new Failure("seal-broken", `${sealPath} cannot be read as a seal`);
}
