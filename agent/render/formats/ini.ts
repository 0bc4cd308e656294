import { type Format, mark, Places, textOf, Unfit } from "./format.ts";

const quoted = "quoted";
const open = "open";

/**
 * INI has no standard and no escape that all readers share, so what some reader could take as syntax is refused: line
 * breaks always; `#`, `;`, quotes or space at the ends and a last backslash where the value stands without quotes;
 * quotes and backslashes where it stands in double quotes.
 */
export const ini: Format = {
  places(s) {
    const places = new Places();
    for (const line of s.split("\n")) {
      const [head = ""] = /^(?:\s*[#;[].*|[^=:]*)/.exec(line) ?? [];
      places.refuseAll(head, "a name");
      const value = line.slice(head.length + 1).trim();
      const rest = line.slice(head.length);
      if (/^"[^"]*"$/.test(value)) {
        for (const unit of rest) if (unit === mark) places.stands(quoted);
      } else if (/["'#;]/.test(value)) places.refuseAll(rest, "a value with quotes or a comment");
      else for (const unit of rest) if (unit === mark) places.stands(open);
    }
    return places.found;
  },
  write(place, value) {
    const text = textOf(value);
    if (/[\p{Cc}\u2028\u2029\ufeff]/u.test(text)) throw new Unfit("it holds a line break or control character");
    if (place === quoted && /["\\]/.test(text)) throw new Unfit("it holds a quote or backslash");
    if (place === open && (/[#;]/.test(text) || /^[\s"']|[\s"'\\]$/.test(text)))
      throw new Unfit("it holds # or ;, ends in a backslash, or has quotes or space at an end");
    return text;
  },
};
