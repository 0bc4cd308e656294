import type { Signer } from "../../wire/moult.d.ts";
import { Failure } from "../outcome.ts";
import { type Disk, isBelow, unlessMissing } from "../place/disk.ts";
import { stateFolder } from "../place/journal.ts";
import { onTree } from "../place/ontree.ts";
import type { FormatName, ManifestDrift, ManifestLogs, ManifestVault, Value } from "../plan/manifest.ts";
import type { PlannedDisk } from "../plan/plan.ts";

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
  /** Bytes. */
  size: number;
}

/**
 * A file that holds a secret: its bytes are in memory, its path is a link to them. Everything needed to make it again is
 * kept, so that later boots make it from what was known then; only values of secrets are fetched anew.
 */
export interface SealedSecret extends Sealed {
  /** Path of the bytes. */
  target: string;
  /** What stands in the link: relative, so that it holds under any root. Undefined when `path` is in memory itself. */
  link?: string;
  content: { secret: string } | SealedTemplate | { base64: string };
}

/** A template with all it needs to be rendered again, but the values of secrets. */
export interface SealedTemplate {
  template: string;
  where: string;
  format: FormatName;
  /** Name as the template writes it → what it was when the machine was sealed. */
  names: Record<string, Value>;
}

export interface SealedLink {
  path: string;
  to: string;
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
  /** What the firmware calls this machine, which its disk's copies do not take along; empty where nobody knows. */
  hardware: string;
  release: string;
  fleet: string;
  reports: { bucket: string; topic: string } | null;
  /** Absent where nobody's signature was asked for. */
  signedBy?: Signer[];
  agent: string;
  bootedAt: string;
  sealedAt: string;
  files: SealedFile[];
  secretFiles: SealedSecret[];
  directories: Sealed[];
  links: SealedLink[];
  disks: PlannedDisk[];
  /** Folders the agent made, outermost first. */
  made: string[];
  /** Secret name → full version name, of those that are needed. */
  secrets: Record<string, string>;
  vaults: ManifestVault[];
  units: string[];
  /** Plan.start, and whether systemd had to read unit files anew: of interest to the boot that seals. */
  start: string[];
  reload: boolean;
  /** For the command of `boot --exec`: name → how its value is made. */
  environment: Record<string, SealedTemplate>;
  ready: SealedReady | null;
  drift: ManifestDrift | null;
  /** What the agent did not make and yet holds to: what it kept, and all below `drift.paths`, as it was at sealing. */
  watched: (SealedFile | SealedLink)[];
  logs: ManifestLogs[];
}

/** A folder on a data disk is made after mounting, and is no part of what is compared before. */
export function onDisk({ disks }: Pick<Seal, "disks">, path: string): boolean {
  return disks.some(({ mount }) => isBelow(path, mount));
}

/** undefined when this disk was never sealed. A seal that cannot be read does not hold. */
export function readSeal(disk: Disk, root: string): Seal | undefined {
  let why = "";
  try {
    const found = onTree({ disk, root }, (tree) => unlessMissing(() => ({ read: tree.read(sealPath) })));
    if (!found) return undefined;
    const seal: Seal = JSON.parse(found.read?.bytes.toString() ?? "");
    if (seal.seal === 1 && typeof seal.instance === "string" && Array.isArray(seal.files)) return seal;
  } catch (error) {
    // The system's; an error of the parser would quote the file.
    if (error instanceof Failure) why = `: ${error.message}`;
  }
  // Whoever is not root must not be told that the machine is broken.
  const forbidden = process.getuid?.() !== 0 && /EACCES/.test(why);
  throw new Failure(forbidden ? "usage" : "seal-broken", `${sealPath} cannot be read as a seal${why}`);
}
