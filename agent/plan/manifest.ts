/** A manifest after validation. docs/contracts.md and DESIGN §5 show it as it is written. */
export type Scalar = string | number | boolean | null;

export const formats = ["json", "yaml", "toml", "ini", "shell", "env", "xml", "text"] as const;
export type FormatName = (typeof formats)[number];

/**
 * Where a file's bytes come from. `content` (in the manifest) and `template` (a named source) are rendered; `source` is
 * copied byte for byte; `secret` is the payload of a secret.
 */
export type Origin = { content: string } | { template: string } | { source: string } | { secret: string };

export interface ManifestFile {
  /** Where it stands in the manifest, like `files[2]`. */
  at: string;
  path: string;
  origin: Origin;
  format: FormatName;
  /** `user`, `user:group` or numbers; the agent's own when left out. */
  owner: string | undefined;
  /** When left out: 0644, or 0400 for a file that holds a secret. */
  mode: number | undefined;
}

export interface ManifestDirectory {
  at: string;
  path: string;
  owner: string | undefined;
  mode: number;
}

export type ReadyTarget = { http: string } | { tcp: string } | { command: string[] };
/** Texts inside may hold placeholders. */
export interface Ready {
  target: ReadyTarget;
  withinMs: number;
}

export interface Manifest {
  hostName: string | undefined;
  files: ManifestFile[];
  directories: ManifestDirectory[];
  units: string[];
  ready: Ready | undefined;
  /** Name → full version name, for an agent that works without a release. */
  secrets: Map<string, string>;
  /** Names of templates under `values.` */
  values: Map<string, Scalar>;
  driftEveryMs: number | undefined;
}

export const emptyManifest: Manifest = {
  hostName: undefined,
  files: [],
  directories: [],
  units: [],
  ready: undefined,
  secrets: new Map(),
  values: new Map(),
  driftEveryMs: undefined,
};
