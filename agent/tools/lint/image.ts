import {
  closeSync,
  constants,
  type Dirent,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";
import { errorCode } from "../../place/disk.ts";
import { mayHoldSecrets } from "./searched.ts";

/** What is larger is no description of anything; of a file that may hold a secret only so much is searched. */
const readLimit = 1024 * 1024;

/** Where the agent, its manifest and its keys are. */
export const agentsOwn = /^\/usr\/lib\/moult(\/|$)/;

const unitFolders = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** Not part of an image: the kernel's, or gone with the next boot; and what `clean` empties, for which there is a rule. */
const skipped = new Set(["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp"]);

/** A file or a folder. An image may have a million: only what some rule can ask about is kept, and little of it. */
export interface Entry {
  path: string;
  folder: boolean;
  /** With the set-id and sticky bits. */
  mode: number;
  uid: number;
}

/** A root file system as rules look at it. Nothing is ever started, and what cannot be read is as if it were not there. */
export class Image {
  readonly root: string;
  #entries: Entry[] | undefined;
  readonly #looking: (seen: number) => void;

  /** @param looking told now and then how many files and folders were seen. */
  constructor(root: string, looking: (seen: number) => void = () => {}) {
    this.root = root;
    this.#looking = looking;
  }

  /** Text of a plain file; undefined also when it is too large to be a description of something. */
  read(path: string): string | undefined {
    return this.#quietly(() => (this.#plain(path) ? readFileSync(this.root + path, "utf8") : undefined));
  }

  #plain(path: string): boolean {
    // A link as in /etc/os-release leads to where the image says; only its end is asked for.
    const target = this.#quietly(() => readlinkSync(this.root + path));
    if (target !== undefined) return !target.startsWith("/") || this.root === "";
    const stat = this.stat(path);
    return stat?.isFile() === true && stat.size <= readLimit;
  }

  /** Without following links. */
  stat(path: string): Stats | undefined {
    return this.#quietly(() => lstatSync(this.root + path, { throwIfNoEntry: false }));
  }

  has(path: string): boolean {
    return this.stat(path) !== undefined;
  }

  link(path: string): string | undefined {
    return this.#quietly(() => readlinkSync(this.root + path));
  }

  /** Names in a folder, in order. */
  names(folder: string): string[] {
    return (this.#quietly(() => readdirSync(`${this.root}${folder}/`)) ?? []).sort();
  }

  /**
   * Of the root's own file system, in one walk that follows no links: what others may write, what has set-id bits, what
   * may hold a secret, and the agent's own.
   */
  entries(): readonly Entry[] {
    if (this.#entries) return this.#entries;
    const found: Entry[] = [];
    const device = this.#quietly(() => lstatSync(this.root || "/"))?.dev;
    let seen = 0;
    const walk = (inside: string) => {
      const names: Dirent[] = this.#quietly(() => readdirSync(`${this.root}${inside}/`, { withFileTypes: true })) ?? [];
      for (const dirent of names) {
        if (dirent.isSymbolicLink()) continue;
        const path = `${inside}/${dirent.name}`;
        if (skipped.has(path)) continue;
        const stat = this.stat(path);
        if (!stat) continue;
        if (++seen % 1_000 === 0) this.#looking(seen);
        const { mode, uid } = stat;
        const folder = stat.isDirectory();
        const file = stat.isFile();
        if (file || folder) {
          const open = (mode & 0o002) !== 0 || (file && (mode & 0o6000) !== 0);
          if (open || agentsOwn.test(path) || (file && mayHoldSecrets(path)))
            found.push({ path, folder, mode: mode & 0o7777, uid });
        }
        if (folder && stat.dev === device) walk(path);
      }
    };
    walk("");
    this.#entries = found;
    return found;
  }

  readonly #buffer = Buffer.allocUnsafeSlow(readLimit);

  /** The start of a plain file, valid until the next call; undefined when it cannot be read. */
  head(path: string): Buffer | undefined {
    return this.#quietly(() => {
      const fd = openSync(this.root + path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        return this.#buffer.subarray(0, readSync(fd, this.#buffer, 0, readLimit, 0));
      } finally {
        closeSync(fd);
      }
    });
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
    const status = this.#quietly(() => readFileSync(`${this.root}/var/lib/dpkg/status`, "utf8"));
    const block = `\n${status ?? ""}`
      .split(/\n\n+/)
      .find((text) => new RegExp(`^\\n?Package: ${name}$`, "m").test(text));
    return block && /^Status: .* installed$/m.test(block) ? /^Version: (?:\d+:)?(\S+)$/m.exec(block)?.[1] : undefined;
  }

  /** How often something was there that we may not read. */
  unread = 0;

  #quietly<T>(look: () => T): T | undefined {
    try {
      return look();
    } catch (error) {
      const code = errorCode(error);
      if (code === "") throw error;
      if (code === "EACCES" || code === "EPERM") this.unread++;
      return undefined;
    }
  }
}
