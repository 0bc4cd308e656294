import { type Format, mark, Places, textOf, Unfit } from "./format.ts";

const word = "word";
const double = "double";
const single = "single";
const lostSentence =
  "a script after a substitution, here-document or arithmetic, which are not followed: set a variable above it";

/**
 * POSIX shell and bash. Alone: one word in single quotes. In double or single quotes: text. What comes after `$(`,
 * a backtick, `${x…}` with an operator, `((` or `<<` is refused, because quoting begins anew inside of them.
 */
export const shell: Format = {
  places(s) {
    const places = new Places();
    for (let i = 0; i < s.length; ) {
      const rest = s.slice(i);
      if (isLost(rest)) {
        places.refuseAll(rest, lostSentence);
        break;
      }
      const c = s[i];
      if (c === "\\") {
        if (s[i + 1] === mark) places.refuse("an escape");
        i += 2;
      } else if (c === "#" && /(^|[\s;&|()])$/.test(s.slice(0, i))) {
        const [comment = ""] = /^[^\n]*/.exec(rest) ?? [];
        places.refuseAll(comment, "a comment");
        i += comment.length;
      } else if (c === "'") {
        const [text = ""] = /^'[^']*'?/.exec(rest) ?? [];
        // bash reads $'…' with escapes, other shells do not.
        if (s[i - 1] === "$") {
          places.refuseAll(rest, lostSentence);
          break;
        }
        for (const unit of text) if (unit === mark) places.stands(single);
        i += text.length;
      } else if (c === '"') {
        const end = readDouble(s, i, places);
        if (end === undefined) break;
        i = end;
      } else {
        if (c === mark) {
          if (s[i - 1] === "$") places.refuse("a variable");
          else places.stands(word);
        }
        i++;
      }
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

function isLost(rest: string): boolean {
  return /^(?:`|\$\(|\$\{(?!\w+\})|\(\(|<<|\$\[)/.test(rest);
}

/** Returns the offset after the closing quote, or undefined when the rest of the script is not followed. */
function readDouble(s: string, start: number, places: Places): number | undefined {
  let i = start + 1;
  for (; i < s.length && s[i] !== '"'; i++) {
    if (isLost(s.slice(i)) && !s.startsWith("<<", i) && !s.startsWith("((", i)) {
      places.refuseAll(s.slice(i), lostSentence);
      return undefined;
    }
    if (s[i] === "\\") {
      i++;
      if (s[i] === mark) places.refuse("an escape");
    } else if (s[i] === mark) {
      if (/\$\w*$/.test(s.slice(start, i))) places.refuse("a variable: put its name in braces");
      else places.stands(double);
    }
  }
  return i + 1;
}
