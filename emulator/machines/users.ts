import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { beneath } from "./root.ts";

export interface Person {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** A user by name or number, as the image knows it, else as this computer does. */
export function findUser(root: string, name: string): Person | undefined {
  for (const file of [beneath(root, "/etc/passwd"), "/etc/passwd"]) {
    for (const [login = "", , uid, gid, , home = "/"] of rows(file)) {
      if (login === name || uid === name) return { name: login, uid: Number(uid), gid: Number(gid), home };
    }
  }
  return undefined;
}

export function findGroup(root: string, name: string): number | undefined {
  for (const file of [beneath(root, "/etc/group"), "/etc/group"]) {
    const found = rows(file).find(([group, , gid]) => group === name || gid === name);
    if (found) return Number(found[2]);
  }
  return undefined;
}

/** The first folder on the way to `path` that not everybody may pass through; undefined when all may. */
export function closedFolder(path: string): string | undefined {
  const parent = dirname(path);
  const above = parent === path ? undefined : closedFolder(parent);
  if (above !== undefined) return above;
  return (statSync(parent).mode & 0o001) === 0 ? parent : undefined;
}

function rows(file: string): string[][] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line.includes(":"))
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}
