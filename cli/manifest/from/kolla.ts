import { list, object, oneOf, optional, text } from "../../../agent/plan/checker.ts";
import type { JsonDocument } from "../../../agent/plan/json.ts";
import type { Beside } from "./beside.ts";
import { Draft, type Translated } from "./draft.ts";
import { translateCommand } from "./kollaCommand.ts";
import { copy } from "./kollaCopy.ts";
import { type Entry, withRead } from "./kollaEntry.ts";
import { permit } from "./kollaPermit.ts";
import { entry, Reading } from "./reading.ts";

const flag = oneOf([true, false] as const);
/** Kolla takes `0600`, `600` and Python's `0o600`, as text. */
const perm = text(/^(0o)?[0-7]{3,4}$/, "mode-not-octal", 'A mode is octal in quotes, like "0600".');
const owner = text(/^[^:]+(:[^:]*)?$/, "owner-malformed", "An owner is user or user:group.");

const configFile = entry(
  {
    source: text(/./su, "missing", "A source is needed."),
    dest: text(/^\//, "path-not-absolute", "A path starts with /."),
    owner: optional(owner),
    perm: optional(perm),
    optional: optional(flag),
    preserve_properties: optional(flag),
    merge: optional(flag),
  },
  "source",
  "dest",
);
const made = entry({ path: text(), owner, perm }, "path", "owner", "perm");
const permission = entry(
  { path: text(), owner, perm: optional(perm), recurse: optional(flag), exclude: list(text()) },
  "path",
  "owner",
);

export type ConfigFile = NonNullable<ReturnType<typeof configFile>>;
export type Permission = NonNullable<ReturnType<typeof permission>>;

const document = object({
  command: text(),
  config_files: list(configFile),
  directories: list(made),
  files: list(made),
  permissions: list(permission),
});

/**
 * Kolla's config.json or config.yaml as a manifest. `beside` is the folder it lies in: the machine's /var/lib/kolla/config_files.
 * What it does is what set_configs.py does: directories, files, copies, permissions, in this order, then the command.
 */
export function translateKolla(source: JsonDocument, beside: Beside, name: string): Translated & { reading: Reading } {
  const reading = new Reading(source);
  const draft = new Draft(reading);
  const read = document(reading, "", source.value);
  const entries: Entry[] = [];
  for (const { at, path, owner, perm } of read?.directories ?? [])
    entries.push({
      section: "directories",
      from: at,
      fields: { path, owner: ownerOf(owner), mode: withRead(modeOf(perm)) },
    });
  for (const { at, path, owner, perm } of read?.files ?? []) {
    const fields = { path, content: "", format: "text", owner: ownerOf(owner), mode: modeOf(perm), existing: "keep" };
    entries.push({ section: "files", from: at, fields });
  }
  const context = { reading, draft, beside };
  for (const each of read?.config_files ?? []) entries.push(...copy(context, each));
  for (const each of read?.permissions ?? []) permit(reading, entries, each);
  for (const { section, from, fields } of lastOfEach(entries)) draft.add(section, from, fields);
  if (read?.command !== undefined) translateCommand(reading, draft, read.command, entries);
  return { ...draft.finish(`From ${name}, of Kolla.`), reading };
}

/** Kolla copies one over the other. */
function lastOfEach(entries: readonly Entry[]): Entry[] {
  const byPath = new Map(entries.map((entry) => [entry.fields.path, entry]));
  return entries.filter((entry) => byPath.get(entry.fields.path) === entry);
}

/** Without a group Kolla takes the group of the user's name, moult the user's own group. */
export function ownerOf(owner: string): string {
  const [user = "", group = ""] = owner.split(":");
  return `${user}:${group || user}`;
}

export function modeOf(perm: string): string {
  return perm.replace(/^0o/, "").padStart(4, "0");
}
