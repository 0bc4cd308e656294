import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

/** The folder a configuration lies in, by names inside of it. Links are followed. */
export interface Beside {
  kind(name: string): "file" | "folder" | undefined;
  /** Sorted; none where there is no such folder. */
  names(folder: string): string[];
  read(name: string): Buffer | undefined;
  /** Permission bits. */
  mode(name: string): number | undefined;
  /** What stands in a link. */
  link(name: string): string | undefined;
}

export function besideOf(folder: string): Beside {
  const ask = <T>(name: string, question: (path: string) => T): T | undefined => {
    try {
      return question(join(folder, name));
    } catch {
      return undefined;
    }
  };
  return {
    kind: (name) =>
      ask(name, (path) => {
        const stat = statSync(path);
        return stat.isDirectory() ? "folder" : stat.isFile() ? "file" : undefined;
      }),
    names: (name) => ask(name, (path) => readdirSync(path).sort()) ?? [],
    read: (name) => ask(name, (path) => readFileSync(path)),
    mode: (name) => ask(name, (path) => statSync(path).mode & 0o7777),
    link: (name) => ask(name, (path) => (lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined)),
  };
}

/** No folder at all: for a text that came from nowhere. */
export const nothingBeside: Beside = {
  kind: () => undefined,
  names: () => [],
  read: () => undefined,
  mode: () => undefined,
  link: () => undefined,
};
