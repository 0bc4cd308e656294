import { readFileSync } from "node:fs";
import { unlessMissing } from "../place/disk.ts";
import { anyInstance } from "../plan/anywhere.ts";
import { imageFiles } from "../plan/image.ts";
import { resolveOwner } from "../plan/owner.ts";
import type { Surroundings } from "../plan/plan.ts";

/** Of whatever instance on one image. */
export function anyOn(root: string): Surroundings {
  return { ...anyInstance, owner: ownersOf(root), image: imageFiles(root) };
}

/** As root finds them. */
export function ownersOf(root: string): Surroundings["owner"] {
  const accounts = { passwd: read(`${root}/etc/passwd`), group: read(`${root}/etc/group`) };
  return (text) => resolveOwner(text, accounts, { uid: 0, gid: 0, groups: [] });
}

function read(file: string): string | undefined {
  return unlessMissing(() => readFileSync(file, "utf8"));
}
