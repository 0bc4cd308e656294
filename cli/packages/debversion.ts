import { compareDigits } from "./digits.ts";
import type { Ordering } from "./ordering.ts";

/** Debian Policy 5.6.12: `[epoch:]upstream[-revision]`, the revision after the last dash. What is missing counts as 0. */
function split(version: string): { epoch: string; upstream: string; revision: string } {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon < 0 ? "" : version.slice(0, colon),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? "" : rest.slice(dash + 1),
  };
}

/** Weight of a character that is no digit: `~` before the end of the part, letters after it, the others after letters. */
function weight(letter: string | undefined): number {
  if (letter === undefined) return 0;
  if (letter === "~") return -1;
  const code = letter.charCodeAt(0);
  return /[A-Za-z]/.test(letter) ? code : code + 256;
}

const RUNS = /(\D*)(\d*)/y;

/** Runs of other characters and of digits, in turn; a run of digits that is not there is 0. */
function comparePart(a: string, b: string): number {
  let left = 0;
  let right = 0;
  while (left < a.length || right < b.length) {
    const [ours, text, digits] = runAt(a, left);
    const [theirs, otherText, otherDigits] = runAt(b, right);
    for (let i = 0; i < Math.max(text.length, otherText.length); i++) {
      const difference = weight(text[i]) - weight(otherText[i]);
      if (difference !== 0) return difference;
    }
    const difference = compareDigits(digits, otherDigits);
    if (difference !== 0) return difference;
    left += ours.length;
    right += theirs.length;
  }
  return 0;
}

function runAt(text: string, at: number): [whole: string, text: string, digits: string] {
  RUNS.lastIndex = at;
  const [whole = "", other = "", digits = ""] = RUNS.exec(text) ?? [];
  return [whole, other, digits];
}

export const DEB: Ordering = {
  compare: (a, b) => {
    const left = split(a);
    const right = split(b);
    return (
      compareDigits(left.epoch, right.epoch) ||
      comparePart(left.upstream, right.upstream) ||
      comparePart(left.revision, right.revision)
    );
  },
};
