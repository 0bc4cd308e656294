import { type Finding, findingAt } from "../finding.ts";
import { formatRules } from "../render/formats/index.ts";
import { readTemplate, type Template, unknownNames } from "../render/template.ts";
import type {
  Existing,
  FormatName,
  Manifest,
  ManifestDisk,
  ManifestDrift,
  ManifestFile,
  ManifestLogs,
  ManifestVault,
} from "./manifest.ts";
import { secretOf } from "./names.ts";
import type { Owner } from "./owner.ts";
import type { Description } from "./pack.ts";
import { validateManifest } from "./validate.ts";

export type Content = { bytes: Buffer } | { template: Template } | { secret: string };

export interface PlannedFile {
  path: string;
  content: Content;
  owner: Owner;
  mode: number;
  /** Its bytes live in memory only, because they are, or hold, a secret. A link to them stands at `path`, unless `path` is in memory itself. */
  secret: boolean;
  existing: Existing;
}

export interface PlannedLink {
  path: string;
  to: Template;
  existing: Existing;
}

export interface PlannedDisk extends Omit<ManifestDisk, "at" | "owner"> {
  owner: Owner;
}

export interface PlannedDirectory {
  path: string;
  owner: Owner;
  mode: number;
}

/** What this instance receives, with everything known but the values of secrets. */
export interface Plan {
  /** Also what units, credentials, environments, disks and drift turn into. */
  files: PlannedFile[];
  directories: PlannedDirectory[];
  links: PlannedLink[];
  disks: PlannedDisk[];
  hostName: Template | undefined;
  ready: { kind: "http" | "tcp" | "command"; words: Template[]; withinMs: number } | undefined;
  /** Every unit of the manifest. */
  units: string[];
  /** Those that systemd did not know of when this boot began, and which are to be started. */
  start: string[];
  /** Unit files or drop-ins are among the files, so that systemd has to read them. */
  reload: boolean;
  /** For the command of `boot --exec`. */
  environment: Map<string, Template>;
  /** Names of the secrets it needs. */
  secrets: Set<string>;
  vaults: ManifestVault[];
  drift: ManifestDrift | undefined;
  logs: ManifestLogs[];
}

export interface Surroundings {
  /** Whether templates may ask for this name (which is not a secret's). */
  knows(name: string, manifest: Manifest): boolean;
  /** Whether a version of this secret is named outside of the manifest. */
  pins(secret: string): boolean;
  /** A sentence when the owner cannot be had. */
  owner(text: string | undefined): Owner | string;
}

/** Decides what to place. Findings are complete; with any, the plan is not to be used. */
export function makePlan(
  description: Description,
  around: Surroundings,
): { plan: Plan; manifest: Manifest; findings: Finding[] } {
  const { manifest, findings } = validateManifest(description.manifest);
  const needed = new Set<string>();
  const note = (path: string, code: string, sentence: string) =>
    findings.push({ where: "manifest", path, ...description.manifest.at(path), code, sentence });
  const pinned = (name: string) => around.pins(name) || manifest.secrets.has(name);

  const template = (where: string, text: string, format: FormatName, secretsAllowed: boolean): Template => {
    const read = readTemplate(where, text, format);
    findings.push(...read.findings);
    for (const name of read.template.names) {
      const secret = secretOf(name);
      if (secret !== undefined) needed.add(secret);
    }
    const known = (name: string) => {
      const secret = secretOf(name);
      return secret === undefined ? around.knows(name, manifest) : secretsAllowed && pinned(secret);
    };
    findings.push(...unknownNames(read.template, known));
    return read.template;
  };
  const owner = (path: string, text: string | undefined): Owner => {
    const found = around.owner(text);
    if (typeof found !== "string") return found;
    note(path, "owner-not-possible", found);
    return { uid: 0, gid: 0, text: "" };
  };
  const content = (file: ManifestFile): Content => {
    const { origin, at, format } = file;
    if ("content" in origin) return { template: template(`manifest ${at}.content`, origin.content, format, true) };
    if ("secret" in origin) {
      needed.add(origin.secret);
      if (!pinned(origin.secret)) note(`${at}.secret`, "secret-not-pinned", "No version of this secret is named.");
      return origin;
    }
    if ("image" in origin) throw new Error("not read yet");
    const name = "template" in origin ? origin.template : origin.source;
    const bytes = description.source(name);
    const field = `${at}.${"template" in origin ? "template" : "source"}`;
    if (!bytes) note(field, "source-missing", "There is no source of this name.");
    if ("source" in origin) {
      const text = bytes?.toString() ?? "";
      const fault = bytes && formatRules[format].fault?.(text);
      if (fault !== undefined)
        findings.push(findingAt(name, text, fault, "not-in-format", `The source is not ${format} here.`));
      return { bytes: bytes ?? Buffer.alloc(0) };
    }
    const text = decodeUtf8(bytes ?? Buffer.alloc(0));
    if (text === undefined) note(field, "template-not-text", "A template is UTF-8.");
    return { template: template(name, bytes ? (text ?? "") : "", format, true) };
  };

  const files = manifest.files.map((file): PlannedFile => {
    const filled = content(file);
    const secret =
      "secret" in filled ||
      ("template" in filled && [...filled.template.names].some((name) => secretOf(name) !== undefined));
    if (secret && file.mode !== undefined && (file.mode & 0o007) !== 0)
      note(`${file.at}.mode`, "secret-for-everyone", "It holds a secret: the last digit is 0.");
    return {
      path: file.path,
      content: filled,
      owner: owner(`${file.at}.owner`, file.owner),
      mode: file.mode ?? (secret ? 0o400 : 0o644),
      secret,
      existing: file.existing,
    };
  });
  const directories = manifest.directories.map(({ at, path, owner: text, mode }) => ({
    path,
    owner: owner(`${at}.owner`, text),
    mode,
  }));
  const hostName =
    manifest.hostName === undefined ? undefined : template("manifest host.name", manifest.hostName, "text", false);
  const plan: Plan = {
    files,
    directories,
    links: [],
    disks: [],
    hostName,
    ready: undefined,
    units: manifest.units.map(({ name }) => name),
    start: [],
    reload: false,
    environment: new Map(),
    secrets: needed,
    vaults: manifest.vaults,
    drift: manifest.drift,
    logs: manifest.logs,
  };
  if (manifest.ready) {
    const { target, withinMs } = manifest.ready;
    const kind = "http" in target ? "http" : "tcp" in target ? "tcp" : "command";
    const words = "http" in target ? [target.http] : "tcp" in target ? [target.tcp] : target.command;
    // Secrets stay out: these texts are shown to people and stand in lists of running programs.
    plan.ready = {
      kind,
      withinMs,
      words: words.map((word) => template(`manifest ready.${kind}`, word, "text", false)),
    };
  }
  return { plan, manifest, findings };
}

function decodeUtf8(bytes: Buffer): string | undefined {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : undefined;
}
