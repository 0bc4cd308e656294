/** A manifest after validation. docs/manifest.md shows it as it is written. */
export type Scalar = string | number | boolean | null;
/** What `values` may hold: loops of templates go over lists and maps. */
export type Value = Scalar | Value[] | { [key: string]: Value };

export const formats = ["json", "yaml", "toml", "ini", "shell", "env", "xml", "text"] as const;
/** `raw` is for texts that are no files: the whole is the value. */
export type FormatName = (typeof formats)[number] | "raw";

/**
 * Where a file's bytes come from. `content` (in the manifest) and `template` (a named source) are rendered; `source` (of
 * the commit, or of the image's files/) and `image` (an absolute path in the root file system) are copied byte for byte;
 * `secret` is the payload of a secret.
 */
export type Origin =
  | { content: string }
  | { template: string }
  | { source: string }
  | { image: string }
  | { secret: string };

/** What happens to a plain file that is there already. */
export type Existing = "replace" | "keep" | "refuse";

export interface ManifestFile {
  /** Where it stands in the manifest, like `files[2]`. */
  at: string;
  path: string;
  origin: Origin;
  format: FormatName;
  /** `user`, `user:group` or numbers; the agent's own when left out. */
  owner: string | undefined;
  /** When left out: 0644, or 0400 for a file that holds a secret. May have setuid, setgid, sticky. */
  mode: number | undefined;
  existing: Existing;
  /** Left out, silently, when its source is not there. */
  optional: boolean;
}

export interface ManifestDirectory {
  at: string;
  path: string;
  owner: string | undefined;
  mode: number;
}

export interface ManifestLink {
  at: string;
  path: string;
  /** What stands in the link; may hold placeholders, of secrets none. */
  to: string;
  existing: Existing;
}

/** A persistent data disk, by the device name of its attachment (`/dev/disk/by-id/google-<device>`). */
export interface ManifestDisk {
  at: string;
  device: string;
  mount: string;
  fs: "ext4" | "xfs";
  options: string[];
  /** `blank`: a file system is made when the disk holds nothing at all. `never`: it must have one. */
  format: "blank" | "never";
  /** Of the mounted folder. */
  owner: string | undefined;
  mode: number;
  withinMs: number;
}

export interface ManifestUnit {
  at: string;
  /** With its ending. Endings of quadlets (`.container` …) go to /etc/containers/systemd. */
  name: string;
  /** Undefined: the image has it. */
  origin: Exclude<Origin, { secret: string }> | undefined;
  /** Made to start at boot by a link in this target's `.wants`; undefined leaves that to the image. */
  wantedBy: string | undefined;
  /** Name → text with placeholders, also of secrets; adds to the manifest's own. */
  environment: Map<string, string>;
  /** Credential id → where it is from. Files in memory, given by LoadCredential=. */
  credentials: Map<string, Origin>;
}

export type ReadyTarget = { http: string } | { tcp: string } | { command: string[] };
/** Texts inside may hold placeholders. */
export interface Ready {
  target: ReadyTarget;
  withinMs: number;
}

export interface ManifestDrift {
  everyMs: number;
  /** Beside what is sealed anyway: files, or folders with all that is in them, as they were when the machine was sealed. */
  paths: string[];
  /** `stop`: the units of the manifest are stopped, so that health checks fail. */
  action: "report" | "stop";
}

/** Logs that would go with the machine: who ships them (a unit), and from where. */
export interface ManifestLogs {
  at: string;
  unit: string;
  paths: string[];
}

/** A Vault to log in to with the instance's identity token. */
export interface ManifestVault {
  at: string;
  /** `https://host[:port]` */
  address: string;
  role: string;
  /** Where the GCP method is mounted. */
  auth: string;
  namespace: string | undefined;
  /** Path in the image of the PEM of its own root. */
  ca: string | undefined;
}

/** A key of the instance's own metadata that templates may ask for as `attributes.KEY`. */
export interface ManifestAttribute {
  type: "text" | "integer" | "boolean";
  allowed: readonly Scalar[] | undefined;
  /** Of a text, the whole of it: plan/sections/attributes.ts has the grammar. */
  pattern: string | undefined;
  min: number | undefined;
  max: number | undefined;
  /** Of the type, or null; undefined: every instance must have one. */
  fallback: Scalar | undefined;
}

export interface Manifest {
  hostName: string | undefined;
  files: ManifestFile[];
  directories: ManifestDirectory[];
  links: ManifestLink[];
  disks: ManifestDisk[];
  units: ManifestUnit[];
  /** For every unit named here, and for the command of `boot --exec`. */
  environment: Map<string, string>;
  ready: Ready | undefined;
  /** Name → secret reference (plan/reference.ts), for an agent that works without a release. */
  secrets: Map<string, string>;
  vaults: ManifestVault[];
  /** Names of templates under `values.` */
  values: Map<string, Value>;
  attributes: Map<string, ManifestAttribute>;
  drift: ManifestDrift | undefined;
  logs: ManifestLogs[];
}

export const emptyManifest: Manifest = {
  hostName: undefined,
  files: [],
  directories: [],
  links: [],
  disks: [],
  units: [],
  environment: new Map(),
  ready: undefined,
  secrets: new Map(),
  vaults: [],
  values: new Map(),
  attributes: new Map(),
  drift: undefined,
  logs: [],
};
