import {
  commentSentence,
  type Format,
  inside,
  lineOf,
  mark,
  Places,
  partSentence,
  singleSentence,
  Unfit,
} from "./format.ts";

const whole = "whole";
const part = "part";
const plain = /^[A-Za-z0-9_.,:/@%+=-]*$/;

/** Double quotes of a shell with no substitution inside, and what in them a value must not be a part of. */
export const shellQuotes = /"(?:[^"\\`$]|\\[\s\S]|\$\{\w+\}|\$(?![([{]))*"/y;
export const dollars = /\\[\s\S]|\$\w*\0/;

/**
 * What systemd's EnvironmentFile= and a POSIX shell read alike: NAME=value lines, values alone or in double quotes. Where
 * they begin to differ, all that follows is refused. Line breaks and other control characters in values are refused too,
 * because readers that go line by line exist.
 * https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=
 */
export const env: Format = {
  places(s) {
    const places = new Places(s);
    for (; places.i < s.length; places.i++) {
      places.refuse(places.match(/[ \t]*[#;][^\n]*/y), commentSentence);
      const name = places.match(/[^=\n]*=?/y);
      places.refuse(name, "a name");
      const double = places.match(shellQuotes);
      places.stand(double, inside, dollars);
      const single = places.match(/'[^']*'/y);
      places.refuse(single, singleSentence);
      const open = places.match(/[^\n]*/y);
      if (/["'\\$`]/.test(name + open))
        places.refuse(s.slice(places.i), "what follows a value that shells read otherwise");
      else if (double || single || /\S\s+\S|[;&|()<>]|^\s/.test(open)) places.refuse(open, partSentence);
      else places.stand(open, open.trim() === mark ? whole : part);
    }
    return places.found;
  },
  write(place, value) {
    const text = lineOf(value);
    if (place === part) {
      if (!plain.test(text)) throw new Unfit("the template needs double quotes around the whole value");
      return text;
    }
    const escaped = text.replace(/[\\"$`]/g, "\\$&");
    return place === inside ? escaped : text !== "" && plain.test(text) ? text : `"${escaped}"`;
  },
};
