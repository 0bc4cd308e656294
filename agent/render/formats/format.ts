import type { Scalar } from "../../plan/manifest.ts";

/** Stands for a placeholder while a template's own text is read. Templates hold no NUL. */
export const mark = "\0";

/** How a placeholder stands in a file: a word of its format, or the name of a place where none may stand. */
export type Place = { in: string } | { refused: string };

/**
 * A file format's rule for values. `places` reads the template's own text, which its author wrote, and finds how each
 * placeholder stands; `write` gives the characters for one value there, or refuses. Together they keep one promise:
 * no value changes the structure of the file.
 */
export interface Format {
  /** One for each mark in the skeleton, in order. */
  places(skeleton: string): Place[];
  /** Throws `Unfit`. */
  write(place: string, value: Scalar): string;
  /** Offset of the first fault in a finished file; undefined when there is none. */
  fault?(text: string): number | undefined;
}

/** A value cannot be written where it stands. The message never holds it. */
export class Unfit extends Error {}

/** The text of a value, which must be Unicode: half a surrogate pair cannot be written as UTF-8. */
export function textOf(value: Scalar): string {
  const text = String(value);
  if (/\p{Surrogate}/u.test(text)) throw new Unfit("it is not valid Unicode");
  return text;
}

export const inside = "inside";
export const bare = "bare";

/**
 * The inside of a double-quoted string as JSON, YAML and TOML all read it, with those characters escaped too that only
 * some readers take as they are.
 */
export function insideQuotes(value: Scalar): string {
  const text = JSON.stringify(textOf(value)).slice(1, -1);
  return text.replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, escapeUnit);
}

/** A whole scalar: texts in quotes, so that the type comes from where a value is from and not from what it looks like. */
export function wholeScalar(value: Scalar): string {
  return typeof value === "string" ? `"${insideQuotes(value)}"` : String(value);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Collects places in order and can take back those of a string that turns out to be a key. */
export class Places {
  readonly found: Place[] = [];

  stands(how: string): void {
    this.found.push({ in: how });
  }

  refuse(sentence: string): void {
    this.found.push({ refused: sentence });
  }

  refuseFrom(first: number, sentence: string): void {
    for (let i = first; i < this.found.length; i++) this.found[i] = { refused: sentence };
  }

  /** Every mark in a stretch of text. */
  refuseAll(text: string, sentence: string): void {
    for (const unit of text) if (unit === mark) this.refuse(sentence);
  }
}

export const keySentence = "a key";
export const partSentence = "a part of a value without double quotes";

/** YAML and TOML fold lines inside of quotes, and what a line folds to depends on whether the value is empty. */
export const linesSentence = "quotes that go over lines";

/**
 * Reads a double-quoted string with backslash escapes from its opening quote at `start`; returns the offset after the
 * closing `quote` (or the end).
 */
export function readQuoted(s: string, start: number, quote: string, places: Places): number {
  let i = start + quote.length;
  while (i < s.length) {
    if (s.startsWith(quote, i)) return i + quote.length;
    if (s[i] === mark) {
      places.stands(inside);
      i++;
    } else if (s[i] === "\\") {
      const [sequence = "\\"] =
        /^\\(?:x[0-9a-f]{0,2}|u[0-9a-f]{0,4}|U[0-9a-f]{0,8}|[\s\S])?/i.exec(s.slice(i, i + 10)) ?? [];
      const whole = { x: 4, u: 6, U: 10 }[sequence[1] ?? ""] ?? 2;
      const cut = sequence.length < whole && s[i + sequence.length] === mark;
      if (cut || sequence[1] === mark) {
        places.refuse("an escape");
        i += sequence.length + (cut ? 1 : 0);
      } else i += sequence.length;
    } else i++;
  }
  return i;
}
