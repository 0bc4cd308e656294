import { isPlain, type Package } from "./list.ts";

/** What was read, and what was left out of it with the reason. */
export interface Parsed {
  packages: Package[];
  omitted: string[];
}

/** Files are there and configured; a trigger may still be due. dpkg(1), package states. */
const INSTALLED = new Set(["installed", "triggers-awaited", "triggers-pending"]);
const GONE = new Set(["not-installed", "config-files"]);

/**
 * `/var/lib/dpkg/status`, or one file of `status.d`, whose stanzas have no Status because they hold only what is installed.
 * Packages that are half there are left out, and said: a machine would not rely on them either.
 */
export function parseDpkg(text: string): Parsed {
  const packages: Package[] = [];
  const omitted: string[] = [];
  for (const stanza of text.split(/\n\s*\n/)) {
    const field = fieldsOf(stanza);
    const name = field.get("package");
    if (name === undefined) continue;
    const state = field.get("status")?.split(/\s+/)[2] ?? "installed";
    if (GONE.has(state)) continue;
    const version = field.get("version") ?? "";
    const arch = field.get("architecture") ?? "";
    if (!INSTALLED.has(state)) omitted.push(`${name} is ${state}`);
    else if (![name, version, arch].every(isPlain)) omitted.push(`${name} has no readable version and architecture`);
    else packages.push({ name, version, arch, ...sourceOf(field.get("source"), name, version) });
  }
  return { packages, omitted };
}

/** `Source: openssl (3.0.11-1)`; left out are a name and a version that are the package's own. */
function sourceOf(text: string | undefined, name: string, version: string): Pick<Package, "source" | "sourceVersion"> {
  const [, source, sourceVersion] = /^(\S+)(?:\s+\((\S+)\))?$/.exec(text ?? "") ?? [];
  return {
    ...(source !== undefined && source !== name && { source }),
    ...(sourceVersion !== undefined && sourceVersion !== version && { sourceVersion }),
  };
}

/** Fields of one line, by their names in lower case; a line that begins with white space goes on with the one before. */
function fieldsOf(stanza: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of stanza.split("\n")) {
    const [, key, value = ""] = /^([^\s:]+):[ \t]*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined) found.set(key.toLowerCase(), value);
  }
  return found;
}
