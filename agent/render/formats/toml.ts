import {
  bare,
  escapes,
  type Format,
  inside,
  insideQuotes,
  keySentence,
  linesSentence,
  Places,
  partSentence,
  singleSentence,
  Unfit,
  wholeScalar,
} from "./format.ts";

/** Up to two quotes more belong to a text that ends in three. */
const basic = /"""(?:(?!""")[^\\]|\\[\s\S])*"{0,5}|"(?:[^"\\]+|\\[\s\S])*"?/y;
const literal = /'''(?:(?!''')[\s\S])*'{0,5}|'[^']*'?/y;

/** In basic strings: text. Alone as a value: the whole value, texts in quotes. TOML has no null. */
export const toml: Format = {
  places(s) {
    const places = new Places(s);
    /** A value has begun on this line, or in an array that is still open. */
    let valued = false;
    let depth = 0;
    /** The last character that is no space. */
    let before = "";
    while (places.i < s.length) {
      const first = places.found.length;
      const c = s[places.i] ?? "";
      const text = places.match(basic);
      const single = places.match(literal);
      if (text || single) {
        places.stand(text, inside, escapes);
        places.refuse(single, singleSentence);
        if (/\n/.test(text)) places.refuseFrom(first, linesSentence);
        if (!valued || places.match(/[ \t]*[=.]/y)) places.refuseFrom(first, keySentence);
      } else if (c === "#") places.refuseLine();
      else if (!valued) places.refuse(c, keySentence);
      else if (/[=,[]/.test(before) && places.match(depth > 0 ? /\0\s*(?:[,\]}#]|$)/y : /\0[ \t]*(?:#|\r?\n|$)/y))
        places.stand(c, bare);
      else places.refuse(c, partSentence);
      if (c === "=") valued = true;
      else if (valued && /[[{]/.test(c)) depth++;
      else if (valued && /[\]}]/.test(c)) depth--;
      else if (c === "\n" && depth <= 0) {
        valued = false;
        depth = 0;
      }
      if (/[^\s#]/.test(c)) before = c;
    }
    return places.done();
  },
  write(place, value) {
    if (place === inside) return insideQuotes(value);
    if (value === null) throw new Unfit("TOML has no null");
    return wholeScalar(value);
  },
};
