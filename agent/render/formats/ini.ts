import { type Format, lineOf, Places, Unfit } from "./format.ts";

const quoted = "quoted";
const open = "open";

/**
 * INI has no standard and no escape that all readers share, so what some reader could take as syntax is refused: line
 * breaks always; `#`, `;`, quotes or space at the ends and a last backslash where the value stands without quotes;
 * quotes, backslashes and `#` or `;` after a space where it stands in double quotes.
 */
export const ini: Format = {
  places(s) {
    const places = new Places(s);
    while (places.i < s.length) {
      places.refuse(places.match(/[^\S\n]*[#;[][^\n]*|[^=:\n]*/y), "a name");
      const rest = places.match(/[^\n]*\n?/y);
      const value = rest.slice(1).trim();
      if (/^"[^"]*"$/.test(value)) places.stand(rest, quoted);
      else if (/["'#;]/.test(value)) places.refuse(rest, "a value with quotes or a comment");
      else places.stand(rest, open);
    }
    return places.found;
  },
  write(place, value) {
    const text = lineOf(value);
    if (place === quoted && /["\\]|(?:^|\s)[#;]/.test(text))
      throw new Unfit("it holds a quote or backslash, or a word that begins with # or ;");
    if (place === open && (/[#;]/.test(text) || /^[\s"']|[\s"'\\]$/.test(text)))
      throw new Unfit("it holds # or ;, ends in a backslash, or has quotes or space at an end");
    return text;
  },
};
