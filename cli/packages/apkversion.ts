import { compareDigits, compareText } from "./digits.ts";
import type { Ordering } from "./ordering.ts";

const BEFORE = ["alpha", "beta", "pre", "rc"];
const AFTER = ["cvs", "svn", "git", "hg", "p"];

/** Which kind is newer where two versions part, oldest first; apk-package(5) has the order of the suffixes around `end`. */
const KINDS = ["before", "end", "revision", "hash", "count", "after", "letter", "number"] as const;

interface Token {
  kind: (typeof KINDS)[number];
  text: string;
}

const END: Token = { kind: "end", text: "" };
const TOKEN = /([.]?)(\d+)|_([a-z]+)(\d*)|~([0-9a-f]+)|-r(\d+)|([a-z])/y;

/** `number{.number}{letter}{_suffix{number}}{~hash}{-r#}`. What does not follow the form is left out of the comparison. */
function tokensOf(version: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(version); found; found = TOKEN.exec(version)) {
    const [, , number, suffix, count, hash, revision, letter] = found;
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    if (suffix !== undefined) tokens.push({ kind: BEFORE.includes(suffix) ? "before" : "after", text: suffix });
    if (count) tokens.push({ kind: "count", text: count });
    if (hash !== undefined) tokens.push({ kind: "hash", text: hash });
    if (revision !== undefined) tokens.push({ kind: "revision", text: revision });
    if (letter !== undefined) tokens.push({ kind: "letter", text: letter });
  }
  return tokens;
}

function compareTokens(a: Token, b: Token, first: boolean): number {
  const kinds = KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind);
  if (kinds !== 0) return kinds;
  switch (a.kind) {
    case "number":
      // As a fraction: 1.06 is older than 1.1. The first number is one whatever it begins with.
      return !first && (a.text.startsWith("0") || b.text.startsWith("0"))
        ? compareText(a.text, b.text)
        : compareDigits(a.text, b.text);
    case "count":
    case "revision":
      return compareDigits(a.text, b.text);
    case "before":
      return BEFORE.indexOf(a.text) - BEFORE.indexOf(b.text);
    case "after":
      return AFTER.indexOf(a.text) - AFTER.indexOf(b.text);
    default:
      return compareText(a.text, b.text);
  }
}

export const APK: Ordering = {
  compare: (a, b) => {
    const left = tokensOf(a);
    const right = tokensOf(b);
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const difference = compareTokens(left[i] ?? END, right[i] ?? END, i === 0);
      if (difference !== 0) return difference;
    }
    return 0;
  },
};
