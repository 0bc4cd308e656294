import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { scratch } from "../scratch.ts";

/** A root file system with these files, in the test's own folder. */
export function makeRoot(name: string, files: Record<string, string>): string {
  const root = join(scratch(), name);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

export const BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n';

/** One package as dpkg writes it into its status. */
export function stanza(name: string, version: string, more: Record<string, string> = {}): string {
  const fields = { Status: "install ok installed", Architecture: "amd64", Version: version, ...more };
  const lines = Object.entries(fields).map(([key, value]) => `${key}: ${value}\n`);
  return `Package: ${name}\n${lines.join("")}Description: what it is\n and more of it\n .\n Version: 9\n\n`;
}

/** A Debian root with these packages: name to version. */
export function debianRoot(name: string, packages: Record<string, string>): string {
  const status = Object.entries(packages).map(([one, version]) => stanza(one, version));
  return makeRoot(name, { "etc/os-release": BOOKWORM, "var/lib/dpkg/status": status.join("") });
}
