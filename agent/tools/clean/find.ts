import { lstatSync, readdirSync } from "node:fs";
import { errorCode } from "../../place/disk.ts";

/** Errors that mean: nothing here, or nothing we may see. */
const absent = ["ENOENT", "ENOTDIR", "EACCES"];

/** Paths that match, without the root. `*` stands for anything inside one name. Links are found, never followed. */
export function matching(root: string, pattern: string): string[] {
  let found = [""];
  const names = pattern.slice(1).split("/");
  names.forEach((name, depth) => {
    const last = depth === names.length - 1;
    found = found.flatMap((folder) => {
      const inside = name.includes("*") ? listed(root, folder).filter(matcher(name)) : [name];
      return inside
        .map((one) => `${folder}/${one}`)
        .filter((path) => (last ? kindOf(root, path) !== undefined : kindOf(root, path) === "folder"));
    });
  });
  return found;
}

/** Every plain file below a folder. */
export function filesBelow(root: string, folder: string): string[] {
  if (kindOf(root, folder) !== "folder") return [];
  return listed(root, folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    const kind = kindOf(root, path);
    return kind === "folder" ? filesBelow(root, path) : kind === "file" ? [path] : [];
  });
}

export function kindOf(root: string, path: string): "file" | "folder" | "link" | "other" | undefined {
  try {
    const stat = lstatSync(root + path);
    return stat.isFile() ? "file" : stat.isDirectory() ? "folder" : stat.isSymbolicLink() ? "link" : "other";
  } catch (error) {
    if (absent.includes(errorCode(error))) return undefined;
    throw error;
  }
}

function listed(root: string, folder: string): string[] {
  try {
    return readdirSync(`${root}${folder}/`).sort();
  } catch (error) {
    if (absent.includes(errorCode(error))) return [];
    throw error;
  }
}

function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const expression = new RegExp(`^${parts.join(".*")}$`, "s");
  return (name) => expression.test(name);
}
