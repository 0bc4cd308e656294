import { existsSync, readFileSync, statSync } from "node:fs";
import type { Manifest } from "./manifest.ts";
import { systemdName } from "./sections/units.ts";

/** What a manifest may count on in the image. Paths are the machine's, without the root. */
export interface ImageFiles {
  has(path: string): boolean;
  /** undefined when it is no file, or too large to be configuration. */
  read(path: string): Buffer | undefined;
}

const largest = 16 * 1024 * 1024;

export function imageFiles(root: string): ImageFiles {
  return {
    has: (path) => existsSync(root + path),
    read: (path) => {
      try {
        const stat = statSync(root + path);
        return stat.isFile() && stat.size <= largest ? readFileSync(root + path) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/** What podman has installed since 4.4, and what reads quadlets: there is no need to run podman to ask it. */
const quadletGenerator = "/system-generators/podman-system-generator";
const systemdFolders = ["/usr/lib/systemd", "/lib/systemd", "/etc/systemd", "/usr/local/lib/systemd"];

/** Everything the manifest expects of the image and does not bring itself. */
export function checkImage(
  { units, logs, drift, vaults }: Manifest,
  { has }: ImageFiles,
  note: (path: string, code: string, sentence: string) => void,
): void {
  const placed = new Set(units.filter(({ origin }) => origin).map(({ name }) => systemdName(name)));
  const known = (name: string): boolean => {
    const template = name.replace(/@.*(?=\.)/, "@");
    // Made from /etc/fstab, or by a generator from a script.
    if (name.endsWith(".mount") || has(`/etc/init.d/${name.replace(/\.service$/, "")}`)) return true;
    return [name, template].some(
      (each) => placed.has(each) || systemdFolders.some((folder) => has(`${folder}/system/${each}`)),
    );
  };
  const need = (path: string, name: string) =>
    known(systemdName(name)) || note(path, "unit-missing", "The image has no such unit, and the manifest brings none.");
  for (const { at, name, origin } of units) {
    const quadlet = systemdName(name) !== name;
    if (quadlet && !systemdFolders.some((folder) => has(folder + quadletGenerator)))
      note(at, "quadlets-missing", "Quadlets need podman 4.4 or newer in the image.");
    if (!origin && !(quadlet && has(`/usr/share/containers/systemd/${name}`))) need(at, name);
  }
  for (const { at, unit } of logs) need(`${at}.unit`, unit);
  if (drift) need("drift", "moult-verify.timer");
  for (const { at, ca } of vaults)
    if (ca !== undefined && !has(ca)) note(`${at}.ca`, "source-missing", "The image has no such file.");
}
