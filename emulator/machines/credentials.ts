import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Guest } from "./guest.ts";
import { beneath } from "./root.ts";
import type { Unit } from "./unitfile.ts";
import { expandSpecifiers } from "./words.ts";

const STORES = ["/etc/credstore", "/run/credstore", "/usr/local/lib/credstore", "/usr/lib/credstore"];

/** They go with the unit's programs. */
export function dropCredentials(root: string, unit: string): string {
  const folder = beneath(root, `/run/credentials/${unit}`);
  if (existsSync(folder)) chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
  return folder;
}

/** Puts a unit's credentials where its programs, and no other user's, read them. */
export function credentialsOf(
  guest: Guest,
  unit: Unit,
  person: { uid?: number; gid?: number },
): { CREDENTIALS_DIRECTORY?: string } {
  if (unit.credentials.length === 0) return {};
  const folder = dropCredentials(guest.root, unit.name);
  mkdirSync(folder, { recursive: true });
  for (const { id, path, value } of unit.credentials) {
    const bytes = value ?? read(guest, unit.name, id, path);
    if (bytes === undefined || existsSync(join(folder, id))) continue;
    writeFileSync(join(folder, id), bytes, { mode: 0o400 });
    if (person.uid !== undefined) chownSync(join(folder, id), person.uid, person.gid ?? 0);
  }
  chmodSync(folder, 0o500);
  if (person.uid !== undefined) chownSync(folder, person.uid, person.gid ?? 0);
  return { CREDENTIALS_DIRECTORY: folder };
}

/** One with a path must be there; one without, sought in the stores, may be missing, and nobody says so (systemd#32667). */
function read(guest: Guest, unit: string, id: string, path: string | undefined): Buffer | undefined {
  const places = path === undefined ? STORES.map((store) => `${store}/${id}`) : [path];
  for (const place of places) {
    const file = beneath(guest.root, expandSpecifiers(place, unit, guest.hostname));
    if (existsSync(file)) return readFileSync(file);
  }
  if (path !== undefined) throw new Error(`its credential ${id} is not at ${path}`);
  return undefined;
}
