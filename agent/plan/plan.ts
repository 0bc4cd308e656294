import { type Finding, findingAt } from "../finding.ts";
import { environmentTemplate, readText } from "../render/environment.ts";
import { formatRules } from "../render/formats/index.ts";
import { readTemplate, type Template, unknownNames } from "../render/template.ts";
import { attributeOf, checkAttributes, undeclaredAttributes } from "./attributes.ts";
import { isWithoutVault, withoutVault } from "./crossings.ts";
import { checkImage, type ImageFiles } from "./image.ts";
import { type LoweredFile, lower } from "./lower.ts";
import type { Existing, Manifest, ManifestDisk, ManifestDrift, ManifestLogs, ManifestVault } from "./manifest.ts";
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
  /** Unit files or drop-ins are among the files or links, so that systemd has to read them. */
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
  /** Whether templates may ask for this name (which is no secret's and no attribute's). */
  knows(name: string, manifest: Manifest): boolean;
  /** What is wrong with a template whose tags are right: in the shape it takes here, or in any. */
  examine(template: Template, manifest: Manifest): Finding[];
  /** Name → reference of secrets that are named outside of the manifest; undefined: any may be. */
  pinned: ReadonlyMap<string, string> | undefined;
  /** Custom metadata of the instance; undefined: it may have any. */
  metadata: Record<string, string> | undefined;
  /** A sentence when the owner cannot be had. */
  owner(text: string | undefined): Owner | string;
  image: ImageFiles;
}

/** Decides what to place. Findings are complete; with any, the plan is not to be used. */
export function makePlan(
  description: Description,
  around: Surroundings,
): { plan: Plan; manifest: Manifest; findings: Finding[] } {
  const { manifest, findings } = validateManifest(description.manifest);
  const lowered = lower(manifest);
  const note = (path: string, code: string, sentence: string) =>
    findings.push({ where: "manifest", path, ...description.manifest.at(path), code, sentence });
  const references = new Map([...manifest.secrets, ...(around.pinned ?? [])]);
  const pinned = (name: string) => around.pinned === undefined || references.has(name);
  const needed = new Set<string>();

  const use = (read: { template: Template; findings: Finding[] }, secretsAllowed: boolean): Template => {
    const { template } = read;
    findings.push(...(read.findings.length > 0 ? read.findings : around.examine(template, manifest)));
    for (const name of template.names) {
      const secret = secretOf(name);
      if (name === "secrets") for (const each of references.keys()) needed.add(each);
      // One that may be absent is only wanted when it is there.
      else if (secret !== undefined && (references.has(secret) || !template.optionalNames.has(name)))
        needed.add(secret);
    }
    const known = (name: string) => {
      const secret = secretOf(name);
      if (secret !== undefined || name === "secrets") return secretsAllowed && (secret === undefined || pinned(secret));
      return attributeOf(name) !== undefined || around.knows(name, manifest);
    };
    findings.push(...unknownNames(template, known), ...undeclaredAttributes(template, manifest));
    return template;
  };
  const owner = (path: string, text: string | undefined): Owner => {
    const found = around.owner(text);
    if (typeof found !== "string") return found;
    note(path, "owner-not-possible", found);
    return { uid: 0, gid: 0, text: "" };
  };
  /** undefined: an optional source that is not there. */
  const content = (file: LoweredFile): Content | undefined => {
    const { origin, at, format, secrets } = file;
    if ("environment" in origin)
      return { template: use(environmentTemplate(`manifest ${at}`, origin.environment), secrets) };
    if ("content" in origin)
      return { template: use(readTemplate(`manifest ${at}.content`, origin.content, format), secrets) };
    if ("secret" in origin) {
      needed.add(origin.secret);
      if (!pinned(origin.secret)) note(`${at}.secret`, "secret-not-pinned", "No version of this secret is named.");
      return origin;
    }
    const [field, name] = Object.entries(origin)[0] ?? ["", ""];
    const bytes = field === "image" ? around.image.read(name) : description.source(name);
    if (!bytes) {
      if (!file.optional) note(`${at}.${field}`, "source-missing", "There is no such file, or it is over 16 MiB.");
      return file.optional ? undefined : { bytes: Buffer.alloc(0) };
    }
    if (field === "image") return { bytes };
    const text = bytes.toString();
    if (field === "source") {
      const fault = formatRules[format].fault?.(text);
      if (fault !== undefined)
        findings.push(findingAt(name, text, fault, "not-in-format", `The source is not ${format} here.`));
      return { bytes };
    }
    const whole = Buffer.from(text).equals(bytes);
    if (!whole) note(`${at}.${field}`, "template-not-text", "A template is UTF-8.");
    return { template: use(readTemplate(name, whole ? text : "", format), secrets) };
  };

  const given = manifest.files.map((file): LoweredFile => ({ ...file, memory: false, secrets: true }));
  const files = [...given, ...lowered.files].flatMap((file): PlannedFile[] => {
    const filled = content(file);
    if (!filled) return [];
    const { at, path, mode, existing } = file;
    const secret = file.memory || "secret" in filled || ("template" in filled && filled.template.secret);
    if (secret && mode !== undefined && (mode & 0o7007) !== 0)
      note(`${at}.mode`, "secret-for-everyone", "It holds a secret: no set-id bits, and the last digit is 0.");
    if (secret && existing !== "replace")
      note(`${at}.existing`, "secret-kept", "A file that holds a secret is always replaced.");
    const by = owner(`${at}.owner`, file.owner);
    return [{ path, content: filled, owner: by, mode: mode ?? (secret ? 0o400 : 0o644), secret, existing }];
  });
  const directories = manifest.directories.map(({ at, path, owner: text, mode }) => ({
    path,
    owner: owner(`${at}.owner`, text),
    mode,
  }));
  const links = [...manifest.links, ...lowered.links].map(({ at, path, to, existing }) => ({
    path,
    to: use(readText(`manifest ${at}.to`, to), false),
    existing,
  }));
  const disks = manifest.disks.map(({ at, owner: text, ...disk }) => ({ ...disk, owner: owner(`${at}.owner`, text) }));
  const host = manifest.hostName;
  const plan: Plan = {
    files,
    directories,
    links,
    disks,
    hostName: host === undefined ? undefined : use(readTemplate("manifest host.name", host, "text"), false),
    ready: undefined,
    units: lowered.units,
    start: lowered.start,
    reload:
      lowered.links.length > 0 ||
      lowered.files.some(({ memory }) => !memory) ||
      [...manifest.files, ...manifest.links].some((each) => each.path.startsWith("/etc/systemd/system/")),
    environment: new Map(
      [...manifest.environment].map(([name, text]) => [
        name,
        use(readText(`manifest environment.${name}`, text), true),
      ]),
    ),
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
      words: words.map((word) => use(readTemplate(`manifest ready.${kind}`, word, "text"), false)),
    };
  }
  for (const name of around.pinned ? needed : []) {
    const reference = around.pinned?.get(name);
    if (reference !== undefined && isWithoutVault(reference, manifest.vaults)) note("vaults", ...withoutVault);
  }
  if (around.metadata) checkAttributes(manifest, around.metadata, note);
  checkImage(manifest, around.image, note);
  return { plan, manifest, findings };
}
