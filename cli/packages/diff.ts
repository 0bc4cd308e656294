import { compareText } from "./digits.ts";
import type { Package, PackageList } from "./list.ts";
import { ORDERINGS } from "./ordering.ts";

export interface Change {
  name: string;
  /** Of the new one. */
  arch: string;
  from: string;
  to: string;
  /** What differs when it is neither newer nor older. */
  why?: string;
}

export interface PackageDiff {
  added: Package[];
  removed: Package[];
  upgraded: Change[];
  downgraded: Change[];
  /** Another architecture, another way to write the version, or versions that nothing orders. */
  changed: Change[];
}

/** From `a` to `b`, by the order of the distribution. Of two kinds of distribution there is no order between versions. */
export function diffPackages(a: PackageList, b: PackageList): PackageDiff {
  const ordering = a.type === b.type ? ORDERINGS[a.type] : undefined;
  const diff: PackageDiff = { added: [], removed: [], upgraded: [], downgraded: [], changed: [] };
  const before = byName(a.packages);
  const after = byName(b.packages);
  for (const name of [...new Set([...before.keys(), ...after.keys()])].sort(compareText)) {
    const { pairs, gone, come } = pairUp(
      before.get(name) ?? [],
      after.get(name) ?? [],
      ordering?.compare ?? compareText,
    );
    diff.removed.push(...gone);
    diff.added.push(...come);
    for (const [old, fresh] of pairs) {
      const change = { name, arch: fresh.arch, from: old.version, to: fresh.version };
      const difference = ordering?.compare(fresh.version, old.version) ?? 0;
      if (difference > 0) diff.upgraded.push(change);
      else if (difference < 0) diff.downgraded.push(change);
      else diff.changed.push({ ...change, why: whyChanged(old, fresh, ordering !== undefined) });
    }
  }
  return diff;
}

export function isEmpty(diff: PackageDiff): boolean {
  return Object.values(diff).every((group) => group.length === 0);
}

function whyChanged(old: Package, fresh: Package, ordered: boolean): string {
  if (!ordered) return "versions of two kinds of distribution have no order";
  if (old.version === fresh.version) return `architecture ${old.arch} before`;
  return "the same version, written otherwise";
}

function byName(packages: readonly Package[]): Map<string, Package[]> {
  const found = new Map<string, Package[]>();
  for (const one of packages) found.set(one.name, [...(found.get(one.name) ?? []), one]);
  return found;
}

/**
 * Of one name: what is in both stays out; then those of one architecture are paired, the newest with the newest, then the
 * rest whatever its architecture (a package that becomes `all` is still that package). What is left has come or gone.
 */
function pairUp(old: readonly Package[], fresh: readonly Package[], compare: (a: string, b: string) => number) {
  const newest = (a: Package, b: Package) => compare(b.version, a.version) || compareText(a.arch, b.arch);
  let gone = [...old].sort(newest);
  let come = [...fresh].sort(newest);
  const pairs: [Package, Package][] = [];
  const take = (matches: (a: Package, b: Package) => boolean, keep: (pair: [Package, Package]) => void) => {
    for (const one of [...gone]) {
      const other = come.find((candidate) => matches(one, candidate));
      if (!other) continue;
      gone = gone.filter((left) => left !== one);
      come = come.filter((left) => left !== other);
      keep([one, other]);
    }
  };
  take(
    (x, y) => x.arch === y.arch && x.version === y.version,
    () => {},
  );
  take(
    (x, y) => x.arch === y.arch,
    (pair) => pairs.push(pair),
  );
  take(
    () => true,
    (pair) => pairs.push(pair),
  );
  return { pairs, gone, come };
}
