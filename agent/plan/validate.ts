import type { Finding } from "../finding.ts";
import { Checker, list, map, object, optional, type Rule, text } from "./checker.ts";
import { duration, mode, owner, path, scalar, source } from "./fields.ts";
import type { JsonDocument } from "./json.ts";
import {
  emptyManifest,
  type FormatName,
  formats,
  type Manifest,
  type ManifestDirectory,
  type ManifestFile,
  type Origin,
  type Ready,
} from "./manifest.ts";
import { secretName, secrets } from "./release.ts";

/** What is rendered without a format of its own goes by its ending. */
const endings: Record<string, FormatName> = {
  json: "json",
  yaml: "yaml",
  yml: "yaml",
  toml: "toml",
  ini: "ini",
  sh: "shell",
  env: "env",
  xml: "xml",
};

const format: Rule<FormatName> = (check, at, value) =>
  formats.find((name) => name === value) ?? check.fail(at, "unknown-format", `Known: ${formats.join(", ")}.`);

const fileFields = object({
  path,
  template: optional(source),
  content: optional(text()),
  source: optional(source),
  secret: optional(text(secretName, "not-a-name", "A secret's name has letters, digits, - and _.")),
  format: optional(format),
  owner: optional(owner),
  mode: optional(mode),
});

const file: Rule<ManifestFile> = (check, at, value) => {
  const fields = fileFields(check, at, value);
  if (!fields || !exactlyOne(check, at, value, ["template", "content", "source", "secret"])) return undefined;
  const { path: place, template, content, source: copied, secret } = fields;
  const origin: Origin | undefined =
    template !== undefined
      ? { template }
      : content !== undefined
        ? { content }
        : copied !== undefined
          ? { source: copied }
          : secret !== undefined
            ? { secret }
            : undefined;
  if (place === undefined || !origin) return undefined;
  // Only what is rendered is guessed: a file copied as it is may be anything.
  const ending = (template ?? content) !== undefined ? place.slice(place.lastIndexOf(".") + 1) : "";
  const guess = Object.hasOwn(endings, ending) ? endings[ending] : undefined;
  return {
    at,
    path: place,
    origin,
    format: fields.format ?? guess ?? "text",
    owner: fields.owner,
    mode: fields.mode,
    existing: "replace",
    optional: false,
  };
};

const directoryFields = object({ path, owner: optional(owner), mode: optional(mode) });

const directory: Rule<ManifestDirectory> = (check, at, value) => {
  const fields = directoryFields(check, at, value);
  return fields?.path === undefined
    ? undefined
    : { at, path: fields.path, owner: fields.owner, mode: fields.mode ?? 0o755 };
};

const readyFields = object({
  http: optional(text(/^http:\/\/\S/, "not-a-url", "A URL that starts with http:// is needed.")),
  tcp: optional(text(/:[^:]+$/, "not-an-address", "HOST:PORT is needed.")),
  command: optional(list(text())),
  within: optional(duration),
});

const ready: Rule<Ready> = (check, at, value) => {
  const fields = readyFields(check, at, value);
  if (!fields || !exactlyOne(check, at, value, ["http", "tcp", "command"])) return undefined;
  const { http, tcp, command, within = 60_000 } = fields;
  if (command && !command[0]?.startsWith("/"))
    return check.fail(
      `${at}.command`,
      "not-a-command",
      "A command is a list that starts with a program's absolute path.",
    );
  const target = http !== undefined ? { http } : tcp !== undefined ? { tcp } : command && { command };
  return target && { target, withinMs: within };
};

const manifestFields = object({
  manifest: (check, at, value) => (value === 1 ? 1 : check.fail(at, "manifest-version", "This agent reads version 1.")),
  host: optional(object({ name: text() })),
  files: list(file),
  directories: list(directory),
  units: list(
    text(
      /^[\w:.@\\-]+\.(service|socket|target|mount|timer|path)$/,
      "not-a-unit",
      "A unit's full name is needed, like web.service.",
    ),
  ),
  ready: optional(ready),
  secrets,
  values: map(/^[A-Za-z_][\w-]*$/, scalar),
  drift: optional(object({ every: duration })),
});

/** Reads a manifest and says everything that is wrong with it. The manifest is only to be used when nothing is. */
export function validateManifest(document: JsonDocument): { manifest: Manifest; findings: Finding[] } {
  const check = new Checker(document);
  const read = document.value === undefined ? undefined : manifestFields(check, "", document.value);
  if (!read) return { manifest: emptyManifest, findings: check.findings };
  const manifest: Manifest = {
    ...emptyManifest,
    hostName: read.host?.name,
    files: read.files ?? [],
    directories: read.directories ?? [],
    units: (read.units ?? []).map((name, i) => ({
      at: `units[${i}]`,
      name,
      origin: undefined,
      wantedBy: undefined,
      environment: new Map(),
      credentials: new Map(),
    })),
    ready: read.ready,
    secrets: read.secrets ?? new Map(),
    values: read.values ?? new Map(),
    drift: read.drift?.every === undefined ? undefined : { everyMs: read.drift.every, paths: [], action: "report" },
  };
  checkPaths(check, manifest);
  return { manifest, findings: check.findings };
}

function exactlyOne(check: Checker, at: string, value: unknown, names: readonly string[]): boolean {
  const given = names.filter((name) => typeof value === "object" && value !== null && Object.hasOwn(value, name));
  if (given.length !== 1) check.fail(at, "exactly-one", `Exactly one of ${names.join(", ")} is needed.`);
  return given.length === 1;
}

/** Two entries for one path, or a file where another needs a folder, could not both be placed. */
function checkPaths(check: Checker, { hostName, files, directories }: Manifest): void {
  const seen = new Set(hostName === undefined ? [] : ["/etc/hostname"]);
  const filePaths = new Set([...seen, ...files.map((item) => item.path)]);
  for (const { at, path: place } of [...files, ...directories]) {
    if (seen.has(place)) check.fail(`${at}.path`, "path-twice", "This path is described twice.");
    seen.add(place);
    for (let above = place.lastIndexOf("/"); above > 0; above = place.lastIndexOf("/", above - 1))
      if (filePaths.has(place.slice(0, above)))
        check.fail(`${at}.path`, "path-under-file", "A folder above is described as a file.");
  }
}
