import { type Dirent, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { errorCode } from "../../place/disk.ts";

/** Files larger than this are not searched for secrets. */
const readLimit = 1024 * 1024;

const unitFolders = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** Not part of an image: the kernel's, or gone with the next boot. */
const skipped = new Set(["/proc", "/sys", "/dev", "/run"]);

export interface Entry {
  path: string;
  stat: Stats;
}

/** A root file system as rules look at it. Nothing is ever started, and what cannot be read is as if it were not there. */
export class Image {
  readonly root: string;
  #entries: Entry[] | undefined;

  constructor(root: string) {
    this.root = root;
  }

  /** Text of a plain file; undefined also when it is too large to be a description of something. */
  read(path: string): string | undefined {
    return quietly(() => (this.#plain(path) ? readFileSync(this.root + path, "utf8") : undefined));
  }

  #plain(path: string): boolean {
    // A link as in /etc/os-release leads to where the image says; only its end is asked for.
    const target = quietly(() => readlinkSync(this.root + path));
    if (target !== undefined) return !target.startsWith("/") || this.root === "";
    const stat = this.stat(path);
    return stat?.isFile() === true && stat.size <= readLimit;
  }

  /** Without following links. */
  stat(path: string): Stats | undefined {
    return quietly(() => lstatSync(this.root + path));
  }

  has(path: string): boolean {
    return this.stat(path) !== undefined;
  }

  link(path: string): string | undefined {
    return quietly(() => readlinkSync(this.root + path));
  }

  /** Names in a folder, in order. */
  names(folder: string): string[] {
    return (quietly(() => readdirSync(`${this.root}${folder}/`)) ?? []).sort();
  }

  /** Everything on the root's file system, links not followed. Read once. */
  entries(): Entry[] {
    if (this.#entries) return this.#entries;
    const found: Entry[] = [];
    const device = quietly(() => lstatSync(this.root || "/"))?.dev;
    const walk = (folder: string) => {
      const inside: Dirent[] = quietly(() => readdirSync(`${this.root}${folder}/`, { withFileTypes: true })) ?? [];
      for (const { name } of inside) {
        const path = `${folder}/${name}`;
        const stat = this.stat(path);
        if (!stat || skipped.has(path)) continue;
        found.push({ path, stat });
        if (stat.isDirectory() && stat.dev === device) walk(path);
      }
    };
    walk("");
    this.#entries = found;
    return found;
  }

  /** The unit's file and its drop-ins as one text; undefined when there is no such unit, or it is masked. */
  unit(name: string): string | undefined {
    if (this.masked(name)) return undefined;
    const file = unitFolders.map((folder) => this.read(`${folder}/${name}`)).find((text) => text !== undefined);
    if (file === undefined) return undefined;
    const dropIns = unitFolders.flatMap((folder) =>
      this.names(`${folder}/${name}.d`)
        .filter((drop) => drop.endsWith(".conf"))
        .map((drop) => this.read(`${folder}/${name}.d/${drop}`) ?? ""),
    );
    return [file, ...dropIns].join("\n");
  }

  masked(name: string): boolean {
    return this.link(`/etc/systemd/system/${name}`) === "/dev/null";
  }

  /** Started by some target: a link in a `.wants` or `.requires` folder, and not masked. */
  enabled(name: string): boolean {
    return !this.masked(name) && this.#wanted().has(name);
  }

  #wantedUnits: Set<string> | undefined;

  #wanted(): Set<string> {
    this.#wantedUnits ??= new Set(
      unitFolders.flatMap((folder) =>
        this.names(folder)
          .filter((name) => /\.(wants|requires)$/.test(name))
          .flatMap((name) => this.names(`${folder}/${name}`)),
      ),
    );
    return this.#wantedUnits;
  }

  /** Version of a package dpkg knows. */
  packageVersion(name: string): string | undefined {
    const status = quietly(() => readFileSync(`${this.root}/var/lib/dpkg/status`, "utf8"));
    const block = `\n${status ?? ""}`
      .split(/\n\n+/)
      .find((text) => new RegExp(`^\\n?Package: ${name}$`, "m").test(text));
    return block && /^Status: .* installed$/m.test(block) ? /^Version: (?:\d+:)?(\S+)$/m.exec(block)?.[1] : undefined;
  }
}

function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return undefined;
  }
}
