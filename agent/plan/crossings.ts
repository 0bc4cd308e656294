import type { Checker } from "./checker.ts";
import { type Lowered, lower } from "./lower.ts";
import type { Manifest } from "./manifest.ts";
import { readReference } from "./reference.ts";

/** What only the whole manifest can tell: names given twice, paths in each other's way, Vaults that nobody describes. */
export function checkWhole(check: Checker, manifest: Manifest): void {
  const { units, secrets, vaults } = manifest;
  checkPaths(check, manifest, lower(manifest));
  const names = new Set<string>();
  for (const { at, name } of units) {
    if (names.has(name)) check.fail(at, "unit-twice", "This unit is named twice.");
    names.add(name);
  }
  for (const [name, reference] of secrets)
    if (isWithoutVault(reference, vaults)) check.fail(`secrets.${name}`, ...withoutVault);
}

export const withoutVault = ["vault-missing", "None of the vaults has this host as its address."] as const;

export function isWithoutVault(reference: string, vaults: Manifest["vaults"]): boolean {
  const read = readReference(reference);
  return read?.kind === "vault" && !vaults.some(({ address }) => address.replace(/^https?:\/\//, "") === read.host);
}

/** Two entries for one path, or a file where another needs a folder, could not both be placed. */
function checkPaths(check: Checker, manifest: Manifest, lowered: Lowered): void {
  const { hostName, disks } = manifest;
  const given = (items: readonly { at: string; path: string }[]) =>
    items.map(({ at, path }) => ({ at: `${at}.path`, path }));
  const leaves = [
    ...(hostName === undefined ? [] : [{ at: "host.name", path: "/etc/hostname" }]),
    ...given([...manifest.files, ...manifest.links]),
    ...lowered.files,
    ...lowered.links,
  ];
  const mounts = disks.map(({ at, mount }) => ({ at: `${at}.mount`, path: mount }));
  const leafPaths = new Set(leaves.map(({ path }) => path));
  const mountPaths = new Set(disks.map(({ mount }) => mount));
  const seen = new Set<string>();
  const look = ({ at, path }: { at: string; path: string }, leaf: boolean) => {
    if (seen.has(path)) check.fail(at, "path-twice", "This path is described twice.");
    seen.add(path);
    for (let above = path.lastIndexOf("/"); above > 0; above = path.lastIndexOf("/", above - 1)) {
      const folder = path.slice(0, above);
      if (leafPaths.has(folder)) check.fail(at, "path-under-file", "A folder above is described as a file.");
      if (leaf && mountPaths.has(folder)) check.fail(at, "path-on-disk", "Files are not kept on data disks.");
    }
  };
  for (const item of leaves) look(item, true);
  for (const item of [...mounts, ...given(manifest.directories)]) look(item, false);
}
