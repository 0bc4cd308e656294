import type { Beside } from "./beside.ts";

/** What Python's glob.has_magic looks for. */
export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

/** One name of a path, as Python's fnmatch has it: `*`, `?`, `[abc]`, `[!abc]`; a bracket that does not close is itself. */
function nameMatcher(pattern: string): (name: string) => boolean {
  const parts = pattern.match(/\*+|\?|\[!?\]?[^\]]*\]|[^*?]/gsu) ?? [];
  const source = parts.map((part) => {
    if (part.startsWith("*")) return ".*";
    if (part === "?") return ".";
    if (part.length === 1) return verbatim(part);
    const negated = part.startsWith("[!");
    const inner = part.slice(negated ? 2 : 1, -1).replace(/[\\\]^&[]/g, "\\$&");
    return `[${negated ? "^" : ""}${inner}]`;
  });
  const regexp = compile(`^${source.join("")}$`, "s");
  // A name that begins with a dot is only matched by a pattern that does.
  return (name) => (pattern.startsWith(".") || !name.startsWith(".")) && (regexp?.test(name) ?? name === pattern);
}

function verbatim(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Undefined for what is no regular expression. */
export function compile(source: string, flags = ""): RegExp | undefined {
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}

export function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const names = path.split("/");
  return wanted.length === names.length && wanted.every((part, i) => nameMatcher(part)(names[i] ?? ""));
}

/** Names inside of a folder that a pattern matches. */
export function expandGlob(beside: Beside, pattern: string): string[] {
  let found = [""];
  for (const part of pattern.split("/")) {
    const isMatch = nameMatcher(part);
    const below = (folder: string) => {
      const name = (each: string) => (folder === "" ? each : `${folder}/${each}`);
      if (!isGlob(part)) return beside.kind(name(part)) ? [name(part)] : [];
      return beside
        .names(folder === "" ? "." : folder)
        .filter(isMatch)
        .map(name);
    };
    found = found.flatMap(below);
  }
  return found;
}
