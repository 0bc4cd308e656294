import { type Format, inside, mark, Places, textOf, Unfit } from "./format.ts";

const whole = "whole";
const part = "part";
const keySentence = "a name";
const dollarSentence = "a variable";
const plain = /^[A-Za-z0-9_.,:/@%+=-]*$/;

/**
 * What systemd's EnvironmentFile= and a POSIX shell read alike: NAME=value lines, values alone or in double quotes.
 * Line breaks and other control characters are refused, because readers that go line by line exist.
 * https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=
 */
export const env: Format = {
  places(s) {
    const places = new Places();
    let i = 0;
    while (i < s.length) {
      const [head = ""] = /^(?:[ \t]*[#;][^\n]*|[^=\n]*)/.exec(s.slice(i)) ?? [];
      places.refuseAll(head, keySentence);
      i += head.length;
      if (s[i] === "=") {
        i += 1 + (/^[ \t]*/.exec(s.slice(i + 1))?.[0].length ?? 0);
        i = readValue(s, i, places);
      }
      i++;
    }
    return places.found;
  },
  write(place, value) {
    const text = textOf(value);
    if (/[\p{Cc}\u2028\u2029]/u.test(text)) throw new Unfit("it holds a line break or control character");
    if (place === part) {
      if (!plain.test(text)) throw new Unfit("the template needs double quotes around the whole value");
      return text;
    }
    const escaped = text.replace(/[\\"$`]/g, "\\$&");
    return place === inside ? escaped : text !== "" && plain.test(text) ? text : `"${escaped}"`;
  },
};

/** From the first character after `=` to the line break that ends the value. */
function readValue(s: string, start: number, places: Places): number {
  if (s[start] === '"') return afterQuote(s, readDouble(s, start + 1, places), places);
  if (s[start] === "'") {
    const [text = ""] = /^'[^']*'?/.exec(s.slice(start)) ?? [];
    places.refuseAll(text, "single quotes");
    return afterQuote(s, start + text.length, places);
  }
  const [text = ""] = /^(?:\\[\s\S]|[^\n\\])*\\?/.exec(s.slice(start)) ?? [];
  if (text.trim() === mark) places.stands(whole);
  else if (/["'\\$`]/.test(text)) places.refuseAll(text, "a part of a value without double quotes");
  else for (const unit of text) if (unit === mark) places.stands(part);
  return start + text.length;
}

function readDouble(s: string, start: number, places: Places): number {
  let i = start;
  for (; i < s.length && s[i] !== '"'; i++) {
    if (s[i] === "\\") {
      i++;
      if (s[i] === mark) places.refuse("an escape");
    } else if (s[i] === mark) {
      if (/\$[A-Za-z0-9_{]*$/.test(s.slice(start, i))) places.refuse(dollarSentence);
      else places.stands(inside);
    }
  }
  return i + 1;
}

function afterQuote(s: string, start: number, places: Places): number {
  const [text = ""] = /^[^\n]*/.exec(s.slice(start)) ?? [];
  places.refuseAll(text, "what follows a closing quote");
  return start + text.length;
}
