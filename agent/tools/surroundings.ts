import { readFileSync } from "node:fs";
import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import type { Instance } from "../identify/instance.ts";
import { unlessMissing } from "../place/disk.ts";
import { anyInstance } from "../plan/anywhere.ts";
import { imageFiles } from "../plan/image.ts";
import { knownNames, nameIn } from "../plan/names.ts";
import { resolveOwner } from "../plan/owner.ts";
import type { Surroundings } from "../plan/plan.ts";

/** Of whatever instance on one image. */
export function anyOn(root: string): Surroundings {
  return { ...anyInstance, owner: ownersOf(root), image: imageFiles(root) };
}

/** Of one instance on one image, as a boot by root would find them. */
export function oneInstance(root: string, instance: Instance, release: ReleaseMetadata | undefined): Surroundings {
  return {
    knows: (name, { values }) => nameIn(knownNames(instance, release, values), name) !== undefined,
    pinned: new Map(Object.entries(release?.secrets ?? {})),
    owner: ownersOf(root),
    image: imageFiles(root),
  };
}

/** As root finds them. */
function ownersOf(root: string): Surroundings["owner"] {
  const accounts = { passwd: read(`${root}/etc/passwd`), group: read(`${root}/etc/group`) };
  return (text) => resolveOwner(text, accounts, { uid: 0, gid: 0, groups: [] });
}

function read(file: string): string | undefined {
  return unlessMissing(() => readFileSync(file, "utf8"));
}
