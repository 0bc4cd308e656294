import { compareText } from "./digits.ts";
import type { PackageType } from "./ordering.ts";

export interface Package {
  name: string;
  /** As its distribution writes it, epoch and revision included. */
  version: string;
  arch: string;
  /** Name of the source package, where it is another. */
  source?: string;
  /** Its version, where it is another. */
  sourceVersion?: string;
}

/** What os-release says. */
export interface Distribution {
  /** `debian`, `ubuntu`, `rhel`, `alpine` … */
  id: string;
  /** Of a distribution without numbers, its code name; empty when there is neither. */
  version: string;
}

/** All packages that a distribution's own tools installed in one image. */
export interface PackageList {
  type: PackageType;
  distribution: Distribution;
  packages: readonly Package[];
}

/** In the one order that documents have: by name, architecture, version. */
export function sortPackages(packages: readonly Package[]): Package[] {
  return [...packages].sort(
    (a, b) => compareText(a.name, b.name) || compareText(a.arch, b.arch) || compareText(a.version, b.version),
  );
}

export function distributionText({ id, version }: Distribution): string {
  return version === "" ? id : `${id} ${version}`;
}

/** One line a package: name, version, architecture, with tabs between. For grep, join and diff. */
export function tsvOf({ packages }: PackageList): string {
  return sortPackages(packages)
    .map(({ name, version, arch }) => `${name}\t${version}\t${arch}\n`)
    .join("");
}

/** Whether two images hold the same packages of the same distribution: what to compare, as one text. */
export function identityOf(list: PackageList): string {
  return `${list.type}\t${list.distribution.id}\t${list.distribution.version}\n${tsvOf(list)}`;
}

/** What stands in a package database where a name or a version must stand: nothing that could break a line of the listing. */
export function isPlain(text: string): boolean {
  return /^[!-~]+$/.test(text);
}
