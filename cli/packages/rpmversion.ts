import { compareDigits, compareText } from "./digits.ts";
import type { Ordering } from "./ordering.ts";

/** rpm-version(7): `[epoch:]version[-release]`. No epoch is epoch 0. */
function split(evr: string): [epoch: string, version: string, release: string] {
  const colon = evr.indexOf(":");
  const rest = evr.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return [
    colon < 0 ? "" : evr.slice(0, colon),
    dash < 0 ? rest : rest.slice(0, dash),
    dash < 0 ? "" : rest.slice(dash + 1),
  ];
}

/** Segments and the two operators; everything between them only separates. */
const SEGMENTS = /\d+|[A-Za-z]+|[~^]/g;

/**
 * What is next decides: `~` is older than the end and than any segment, the end is older than `^`, `^` older than letters,
 * and letters older than digits.
 */
function rank(segment: string | undefined): number {
  if (segment === undefined) return 1;
  if (segment === "~") return 0;
  if (segment === "^") return 2;
  return /^\d/.test(segment) ? 4 : 3;
}

function comparePart(a: string, b: string): number {
  const left = a.match(SEGMENTS) ?? [];
  const right = b.match(SEGMENTS) ?? [];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const ours = left[i];
    const theirs = right[i];
    const kind = rank(ours);
    const difference =
      kind - rank(theirs) ||
      (kind === 4 ? compareDigits(ours ?? "", theirs ?? "") : compareText(ours ?? "", theirs ?? ""));
    if (difference !== 0) return difference;
  }
  return 0;
}

export const RPM: Ordering = {
  compare: (a, b) => {
    const [epoch, version, release] = split(a);
    const [otherEpoch, otherVersion, otherRelease] = split(b);
    return compareDigits(epoch, otherEpoch) || comparePart(version, otherVersion) || comparePart(release, otherRelease);
  },
};
