import type { Finding } from "../../finding.ts";
import type { Description } from "../../plan/pack.ts";

/**
 * The line a finding is about with a caret below its column. Only structure is shown: keys, brackets and the names in
 * placeholders. Every other character is a dot, so that nothing that stands in a description is printed anywhere.
 * @returns no lines when the text cannot be found.
 */
export function pictureOf({ where, line, column }: Finding, described: Description): string[] {
  const text = textOf(where, described)?.split(/\r?\n/)[line - 1];
  if (text === undefined) return [];
  const hidden = where === "manifest" ? hideJson(text) : hideTemplate(text);
  // What is far from the caret is left out: lines may be long.
  const start = Math.max(0, column - 1 - 40);
  const shown = hidden.slice(start, start + 76);
  return [`    ${shown}`, `    ${" ".repeat(column - 1 - start)}^`];
}

/** `where` is `manifest`, a field of it (`manifest files[0].content`), or the name of a source. */
function textOf(where: string, { manifest, source }: Description): string | undefined {
  if (where === "manifest") return manifest.text;
  const [, field] = /^manifest (.+)$/.exec(where) ?? [];
  if (field === undefined) return source(where)?.toString();
  let found: unknown = manifest.value;
  for (const [, key, index] of field.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Array.isArray(found) ? found[Number(index)] : Object.entries(found).find(([name]) => name === key)?.[1];
  }
  return typeof found === "string" ? found : undefined;
}

/** Letters by dots, one for each unit, so that columns stay. */
const dots = (text: string): string => text.replace(/[^\s]/g, "·").replace(/\s/g, " ");

function hideJson(line: string): string {
  return line.replace(
    /"(?:[^"\\]|\\.)*("?)(\s*:)?|[^\s"{}[\],:]+/g,
    (token, end: string | undefined, colon: string | undefined) => {
      if (colon !== undefined) return token;
      return token.startsWith('"') && end === '"' ? `"${dots(token.slice(1, -1))}"` : dots(token);
    },
  );
}

function hideTemplate(line: string): string {
  return line.replace(/\{\{[^"]*?\}\}|[\s\S]/g, (piece) => (piece.startsWith("{{") ? piece : dots(piece)));
}
