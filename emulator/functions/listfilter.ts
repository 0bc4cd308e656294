import { ApiError } from "../frame/errors.ts";
import { camel, type Json } from "../frame/fields.ts";

/**
 * The part of https://google.aip.dev/160 that gcloud and people send here: comparisons of a field with a text by `=`,
 * `!=` and `:` (holds), joined by AND. Anything else is a 400 rather than a guess.
 */
export function matching(filter: string): (item: object) => boolean {
  const text = filter.trim();
  if (text === "") return () => true;
  const tests = text.split(/\s+AND\s+/).map((part) => {
    const found = /^([\w.-]+)\s*(!=|=|:)\s*(?:"([^"]*)"|([\w./*-]+))$/.exec(part.replace(/^\((.*)\)$/, "$1").trim());
    if (!found)
      throw new ApiError(400, `Invalid filter ${JSON.stringify(filter)}: FIELD=TEXT, !=, : and AND are understood.`);
    const [, path = "", operator, quoted, bare] = found;
    const wanted = quoted ?? bare ?? "";
    return (item: object) => {
      const value = valueAt(item, path);
      if (operator === ":") return wanted === "*" ? value !== undefined : String(value ?? "").includes(wanted);
      return (String(value ?? "") === wanted) === (operator === "=");
    };
  });
  return (item) => tests.every((test) => test(item));
}

/** Names of labels stand as they are, names of fields in either spelling. */
function valueAt(item: object, path: string): unknown {
  let value: unknown = item;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    const holder = value as Json;
    value = Object.hasOwn(holder, part) ? holder[part] : holder[camel(part)];
  }
  return value;
}
