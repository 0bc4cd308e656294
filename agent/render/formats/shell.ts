import { dollars, shellQuotes } from "./env.ts";
import { type Format, Places, textOf, Unfit } from "./format.ts";

const word = "word";
const double = "double";
const single = "single";
const lostSentence =
  "a script after a substitution, here-document or arithmetic, which are not followed: set a variable above it";
const lost = /`|\$[([']|\$\{(?!\w+\})|\(\(|<<|[<>]&?#/y;

/**
 * POSIX shell and bash. Alone: one word in single quotes. In double or single quotes: text. What comes after `$(`,
 * a backtick, `${x…}` with an operator, `((` or `<<` is refused, because quoting begins anew inside of them; so is what
 * comes after `$'`, which bash reads with escapes and other shells do not.
 */
export const shell: Format = {
  places(s) {
    const places = new Places(s);
    /** Tells whether # begins a comment. */
    let before = "\n";
    while (places.i < s.length) {
      const start = places.i;
      const c = s[start] ?? "";
      const quoted = places.match(shellQuotes);
      if (quoted) places.stand(quoted, double, dollars);
      else if (c === '"' || places.match(lost)) places.refuse(s.slice(start), lostSentence);
      else if (c === "#" && /[ \t\n;&|()]/.test(before)) places.refuseLine();
      else if (c === "'") places.stand(places.match(/'[^']*'?/y), single);
      else if (places.match(/\\|\$\0/y)) places.refuse(s.slice(start, start + 2), "an escape or variable");
      else places.stand(c, word);
      // A line that goes on in the next leaves no trace.
      if (s.slice(start, places.i) !== "\\\n") before = places.i > start + 1 ? "" : c;
    }
    return places.found;
  },
  write(place, value) {
    const text = textOf(value);
    if (text.includes("\0")) throw new Unfit("it holds a NUL");
    if (place === double) return text.replace(/[\\"$`]/g, "\\$&");
    const escaped = text.replaceAll("'", "'\\''");
    return place === word ? `'${escaped}'` : escaped;
  },
};
