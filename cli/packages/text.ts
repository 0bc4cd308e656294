import { table } from "../terminal/table.ts";
import type { Paint, Style } from "../terminal/terminal.ts";
import type { Change, PackageDiff } from "./diff.ts";
import { distributionText, type PackageList } from "./list.ts";

export function listText({ distribution, packages }: PackageList, about: string, paint: Paint, width: number): string {
  const rows = packages.map(({ name, version, arch, source = "" }) => [name, version, arch, source]);
  const packagesText = packages.length === 1 ? "1 package" : `${packages.length} packages`;
  return `${packagesText} of ${distributionText(distribution)}${about}\n${table(["NAME", "VERSION", "ARCH", "SOURCE"], rows, paint, width)}`;
}

const GROUPS: readonly [keyof PackageDiff, Style][] = [
  ["upgraded", "green"],
  ["downgraded", "red"],
  ["added", "cyan"],
  ["removed", "yellow"],
  ["changed", "dim"],
];

/** One block a group that has something, names in order. */
export function diffText(diff: PackageDiff, paint: Paint): string {
  return GROUPS.map(([group, style]) => {
    const all = diff[group];
    if (all.length === 0) return "";
    const widest = Math.max(...all.map(({ name }) => name.length));
    const lines = all.map((one) => `  ${one.name.padEnd(widest)}  ${"from" in one ? changeText(one) : one.version}`);
    return `${paint(style, `${group} ${all.length}`)}\n${lines.join("\n")}\n`;
  }).join("");
}

function changeText({ from, to, why }: Change): string {
  return `${from} → ${to}${why === undefined ? "" : ` (${why})`}`;
}
