import { invalid } from "./problems.ts";

/**
 * `matchGlob` of a listing: `*` any text without a slash, `**` with slashes, `?` one character, `[a-z]`, `[!a]`, `{a,b}`.
 * https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob
 */
export function matchesGlob(name: string, glob: string): boolean {
  return new RegExp(`^${source(glob)}$`, "su").test(name);
}

function source(glob: string): string {
  let out = "";
  let depth = 0;
  for (let at = 0; at < glob.length; at++) {
    const letter = glob[at] ?? "";
    if (letter === "*" && glob[at + 1] === "*") {
      at++;
      // `**/` may stand for nothing at all.
      if (glob[at + 1] === "/") {
        at++;
        out += "(?:.*/)?";
      } else out += ".*";
    } else if (letter === "*") out += "[^/]*";
    else if (letter === "?") out += "[^/]";
    else if (letter === "[") {
      const end = glob.indexOf("]", at + 2);
      if (end < 0) throw invalid(`Invalid glob: ${glob}`);
      const set = glob.slice(at + 1, end).replace(/[\\\]^[]/g, "\\$&");
      out += set.startsWith("!") ? `[^${set.slice(1)}]` : `[${set}]`;
      at = end;
    } else if (letter === "{") {
      depth++;
      out += "(?:";
    } else if (letter === "}" && depth > 0) {
      depth--;
      out += ")";
    } else if (letter === "," && depth > 0) out += "|";
    else if (letter === "\\" && at + 1 < glob.length) out += quote(glob[++at] ?? "");
    else out += quote(letter);
  }
  if (depth > 0) throw invalid(`Invalid glob: ${glob}`);
  return out;
}

function quote(letter: string): string {
  return letter.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
