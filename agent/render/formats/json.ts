import { readJson } from "../../plan/json.ts";
import {
  bare,
  escapes,
  type Format,
  inside,
  insideQuotes,
  keySentence,
  Places,
  partSentence,
  quotes,
  wholeScalar,
} from "./format.ts";

/** In quotes: text. Outside: the whole value, texts in quotes. Never in a key. The finished file is parsed. */
export const json: Format = {
  places(s) {
    const places = new Places(s);
    /** The last character that is no space. */
    let before = ",";
    while (places.i < s.length) {
      const first = places.found.length;
      const text = places.match(quotes);
      const c = s[places.i] ?? "";
      if (text) {
        places.stand(text, inside, escapes);
        if (places.match(/\s*:/y)) places.refuseFrom(first, keySentence);
      } else if (places.match(/\0\s*(?:[\],}]|$)/y) && /[[,:]/.test(before)) places.stand(c, bare);
      else places.refuse(c, partSentence);
      if (/\S/.test(c)) before = c;
    }
    return places.done();
  },
  write: (place, value) => (place === inside ? insideQuotes(value) : wholeScalar(value)),
  fault(text) {
    const read = readJson("", text);
    const fault = read.findings[0];
    return fault === undefined ? undefined : offsetOf(text, fault);
  },
};

function offsetOf(text: string, at: { line: number; column: number }): number {
  const lines = text.split("\n").slice(0, at.line - 1);
  return lines.reduce((sum, line) => sum + line.length + 1, 0) + at.column - 1;
}
