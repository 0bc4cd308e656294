import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { type Shown, type } from "../screen.ts";

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

export function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "moult-config-"));
  made.push(folder);
  return folder;
}

export type Files = Record<string, string | Buffer>;

export function write(folder: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

export const manifest = (...sources: string[]): string =>
  `manifest: 1\nfiles:${sources.length === 0 ? " []" : ""}\n${sources.map((name) => `  - { path: "/etc/app/${name}", source: "${name}", format: text }\n`).join("")}`;

/** A configuration folder with these files; without a manifest among them it has one that names nothing. */
export async function configFolder(files: Files = {}): Promise<string> {
  const folder = join(freshFolder(), "conf");
  write(folder, { "manifest.yaml": manifest(), ...files });
  const shown = await type(["config", "init", folder]);
  if (shown.code !== 0) throw new Error(shown.err);
  return folder;
}

/** Types a command about one folder, in this process. */
export function on(folder: string, ...args: string[]): Promise<Shown> {
  return type(["config", ...args, "--folder", folder], {});
}

/** Runs it, requires that it ends well, and reads its JSON. */
export async function json<T = Record<string, unknown>>(folder: string, ...args: string[]): Promise<T> {
  const { code, out, err } = await on(folder, ...args, "--json");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${err}${out}`);
  return JSON.parse(out) as T;
}

export interface CommitJson {
  commit: string;
  new: boolean;
  added: number;
  changed: number;
  removed: number;
  packSize: number;
  signedBy: string[];
  values: string[];
}

export function commit(folder: string, ref: string, ...more: string[]): Promise<CommitJson> {
  return json<CommitJson>(folder, "commit", "--ref", ref, "-m", "a change", "--author", "ana", ...more);
}

export function text(...path: string[]): string {
  return readFileSync(join(...path), "utf8");
}
