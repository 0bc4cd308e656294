import { readJson } from "../../plan/json.ts";
import {
  bare,
  type Format,
  inside,
  insideQuotes,
  keySentence,
  mark,
  Places,
  partSentence,
  readQuoted,
  wholeScalar,
} from "./format.ts";

/** In quotes: text. Outside: the whole value, texts in quotes. Never in a key. The finished file is parsed. */
export const json: Format = {
  places(s) {
    const places = new Places();
    for (let i = 0; i < s.length; ) {
      if (s[i] === '"') {
        const first = places.found.length;
        i = readQuoted(s, i, '"', places);
        if (/^\s*:/.test(s.slice(i))) places.refuseFrom(first, keySentence);
      } else {
        if (s[i] === mark) {
          const whole = /(^|[[,:])\s*$/.test(s.slice(0, i)) && /^\s*([\],}]|$)/.test(s.slice(i + 1));
          if (whole) places.stands(bare);
          else places.refuse(partSentence);
        }
        i++;
      }
    }
    return places.found;
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
