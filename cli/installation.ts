import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CliError, EXIT } from "./failure.ts";

/** The package's folder, wherever the bundler has put this file. */
function findRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) throw new Error("moult's package.json is not above its program");
  }
}

const root = findRoot();

export function version(): string {
  return (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;
}

function present(path: string, advice: string): string {
  const file = join(root, path);
  if (!existsSync(file)) throw new CliError(EXIT.failed, `${path} is missing from this installation`, advice);
  return file;
}

const BUILD = "In a clone, run npm run build.";

export const agentBundle = () => present("dist/agent/moult-agent.cjs", BUILD);
export const functionsBundle = () => present("dist/cli/functions.mjs", BUILD);
export const demoFolder = () => present("demo", "The demo is part of the source tree: run it in a clone.");
