import { existsSync } from "node:fs";
import { join, posix } from "node:path";

/** Where a path of the image lies on this computer. `..` cannot climb out of the root. */
export function beneath(root: string, path: string): string {
  return join(root, posix.normalize(posix.join("/", path)));
}

/**
 * There is no chroot: an absolute path that exists beneath the root means that file. Also the path in `--config=/etc/…`.
 */
export function mapped(root: string, word: string): string {
  const found = /^([^/=\s]*=)?(\/.*)$/.exec(word);
  const [, before = "", path = ""] = found ?? [];
  return path !== "" && existsSync(beneath(root, path)) ? `${before}${beneath(root, path)}` : word;
}
