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
  /** Throws `Unfit`. `lines`: the template has said how deep the lines of a text stand. */
  write(place: string, value: Scalar, lines?: boolean): string;
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

/** A text for readers that go line by line, or take some characters away. */
export function lineOf(value: Scalar): string {
  const text = textOf(value);
  if (/(?!\t)[\p{Cc}\u2028\u2029]/u.test(text)) throw new Unfit("it holds a line break or control character");
  return text;
}

export const inside = "inside";
export const bare = "bare";

/** The inside of a double-quoted string as JSON, YAML and TOML all read it. */
export function insideQuotes(value: Scalar): string {
  return quoteSafe(JSON.stringify(textOf(value)).slice(1, -1));
}

/** JSON with those characters escaped too that only some readers take as they are. */
export function quoteSafe(json: string): string {
  return json.replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, escapeUnit);
}

/** A whole scalar: texts in quotes, so that the type comes from where a value is from and not from what it looks like. */
export function wholeScalar(value: Scalar): string {
  return typeof value === "string" ? `"${insideQuotes(value)}"` : String(value);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

export const keySentence = "a key";
export const partSentence = "a part of a value without double quotes";
export const singleSentence = "single quotes";
export const commentSentence = "a comment";

/** YAML and TOML fold lines inside of quotes, and what a line folds to depends on whether the value is empty. */
export const linesSentence = "quotes that go over lines";

/** Goes through a skeleton and collects places in order; can take back those of a string that turns out to be a key. */
export class Places {
  readonly found: Place[] = [];
  readonly s: string;
  i = 0;
  /** What is refused of `found` besides; by where it ends. */
  readonly #sunk: { first: number; end: number; sentence: string }[] = [];

  constructor(s: string) {
    this.s = s;
  }

  /** What a sticky pattern finds here; empty when it does not. */
  match(pattern: RegExp): string {
    pattern.lastIndex = this.i;
    return pattern.exec(this.s)?.[0] ?? "";
  }

  /** Goes over a text; its marks stand like this, but not those that are a part of what `opaque` matches. */
  stand(text: string, how: string, opaque: RegExp = /\0/): void {
    this.i += text.length;
    if (!text.includes(mark)) return;
    for (const [found] of text.matchAll(new RegExp(`${opaque.source}|\0`, "g")))
      for (const unit of found)
        if (unit === mark) this.found.push(found === mark ? { in: how } : { refused: "an escape, variable or entity" });
  }

  refuse(text: string, sentence: string): void {
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) this.found.push({ refused: sentence });
    this.i += text.length;
  }

  refuseLine(sentence = commentSentence): void {
    this.refuse(this.match(/[^\n]*/y), sentence);
  }

  refuseFrom(first: number, sentence: string): void {
    const end = this.found.length;
    if (first < end) this.#sunk.push({ first, end, sentence });
  }

  /** All of them, gone through once however deep brackets stand in brackets. */
  done(): Place[] {
    let outer = { first: Number.POSITIVE_INFINITY, sentence: "" };
    for (let i = this.found.length - 1; i >= 0; i--) {
      for (let last = this.#sunk.at(-1); last && last.end > i; last = this.#sunk.at(-1)) {
        if (last.first <= outer.first) outer = last;
        this.#sunk.pop();
      }
      if (i >= outer.first) this.found[i] = { refused: outer.sentence };
    }
    return this.found;
  }
}

/** Double quotes of JSON and YAML, and what in them a value must not be a part of. */
export const quotes = /"(?:[^"\\]+|\\[\s\S])*"?/y;
export const escapes = /\\(?:(?:x[\da-fA-F]?|u[\da-fA-F]{0,3}|U[\da-fA-F]{0,7})\0|[\s\S])/;
