import {
  bare,
  type Format,
  inside,
  insideQuotes,
  keySentence,
  linesSentence,
  mark,
  Places,
  partSentence,
  readQuoted,
  Unfit,
  wholeScalar,
} from "./format.ts";

/** In basic strings: text. Alone as a value: the whole value, texts in quotes. TOML has no null. */
export const toml: Format = {
  places(s) {
    const places = new Places();
    /** A value has begun on this line, or in an array that is still open. */
    let valued = false;
    let depth = 0;
    for (let i = 0; i < s.length; ) {
      const quote = /^(?:"""|'''|"|')/.exec(s.slice(i, i + 3))?.[0];
      if (quote) {
        const first = places.found.length;
        const start = i;
        if (quote.startsWith('"')) i = readQuoted(s, i, quote, places);
        else {
          const end = s.indexOf(quote, i + quote.length);
          const text = s.slice(i, end < 0 ? undefined : end + quote.length);
          places.refuseAll(text, "single quotes");
          i += text.length;
        }
        if (s.slice(start, i).includes("\n")) places.refuseFrom(first, linesSentence);
        if (!valued || /^[ \t]*[=.]/.test(s.slice(i))) places.refuseFrom(first, keySentence);
        continue;
      }
      const c = s[i];
      if (c === "#") {
        const [comment = ""] = /^[^\n]*/.exec(s.slice(i)) ?? [];
        places.refuseAll(comment, "a comment");
        i += comment.length;
        continue;
      }
      if (c === "=") valued = true;
      else if (valued && (c === "[" || c === "{")) depth++;
      else if (valued && (c === "]" || c === "}")) depth = Math.max(0, depth - 1);
      else if (c === "\n" && depth === 0) valued = false;
      else if (c === mark) {
        const begins = /[=,[][ \t\r\n]*$/.test(s.slice(0, i));
        const ends = (depth > 0 ? /^\s*(?:[,\]}#]|$)/ : /^[ \t]*(?:#|\r?\n|$)/).test(s.slice(i + 1));
        if (!valued) places.refuse(keySentence);
        else if (begins && ends) places.stands(bare);
        else places.refuse(partSentence);
      }
      i++;
    }
    return places.found;
  },
  write(place, value) {
    if (place === inside) return insideQuotes(value);
    if (value === null) throw new Unfit("TOML has no null");
    return wholeScalar(value);
  },
};
