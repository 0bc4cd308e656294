import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join, sep } from "node:path";
import { readZip } from "./zip.ts";

/** Why a source cannot become a function: what the build would have printed last. */
export class BuildFailure extends Error {}

const FRAMEWORK = "@google-cloud/functions-framework";

/**
 * The folder in which the emulator's own packages are installed. A function's packages come with its zip; the few that
 * moult and Google's samples need (the framework, Google's clients) are found here when the zip has none, because gcloud
 * leaves `node_modules` out of the zip and nothing is ever installed: no network, no scripts, no waiting.
 */
function installed(): string {
  const framework = createRequire(import.meta.url).resolve(FRAMEWORK);
  return framework.slice(0, framework.lastIndexOf(`${sep}node_modules${sep}`) + `${sep}node_modules`.length);
}

/**
 * Makes `folder` the parent of unpacked sources: a link to the emulator's packages stands beside them, where Node looks
 * for packages (of either module system) after the source's own `node_modules`.
 */
export function prepareShelf(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const link = join(folder, "node_modules");
  rmSync(link, { force: true });
  symlinkSync(installed(), link, "dir");
}

export function unpack(zip: Buffer, folder: string): void {
  let entries: ReturnType<typeof readZip>;
  try {
    entries = readZip(zip);
  } catch (problem) {
    throw new BuildFailure(`failed to extract the source: ${(problem as Error).message}`);
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Links last, so that nothing is written through one.
  for (const { path, kind, mode, bytes } of entries.sort(
    (a, b) => Number(a.kind === "link") - Number(b.kind === "link"),
  )) {
    const to = join(folder, path);
    mkdirSync(kind === "folder" ? to : dirname(to), { recursive: true });
    if (kind === "file") writeFileSync(to, bytes, { mode: mode & 0o111 ? 0o755 : 0o644 });
    if (kind !== "link") continue;
    const target = bytes.toString("utf8");
    const reached = join(dirname(to), target);
    if (target.startsWith("/") || !`${reached}${sep}`.startsWith(`${folder}${sep}`)) {
      throw new BuildFailure(`failed to extract the source: the link ${path} leads out of it`);
    }
    symlinkSync(target, to);
  }
}

interface Package {
  main?: string;
  type?: string;
  dependencies?: Record<string, string>;
}

function readPackage(folder: string): Package {
  const file = join(folder, "package.json");
  if (!existsSync(file)) throw new BuildFailure("missing package.json: a Node.js function needs one");
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Package;
  } catch (problem) {
    throw new BuildFailure(`failed to parse package.json: ${(problem as Error).message}`);
  }
}

/** The file that the framework will load, found in the order in which it looks. */
function entryFile(folder: string, { main }: Package): string {
  const names = main ? [main, `${main}.js`, join(main, "index.js")] : ["function.js", "index.js"];
  for (const name of names) if (existsSync(join(folder, name)) && extname(name) !== "") return join(folder, name);
  throw new BuildFailure(
    `${main ?? "function.js"} does not exist; the functions framework loads what "main" in package.json names, or function.js, or index.js`,
  );
}

/** Where a package is for a source in `folder`: its own `node_modules` first, then the emulator's. */
function packageFolder(folder: string, name: string): string | undefined {
  for (const place of [folder, dirname(folder)]) {
    const found = join(place, "node_modules", name);
    if (existsSync(join(found, "package.json"))) return found;
  }
  return undefined;
}

/**
 * What the real build checks, as far as nothing is installed: the package file, its dependencies, the entry file and its
 * syntax. Returns the framework's command. Throws a BuildFailure.
 */
export async function check(folder: string, print: (line: string) => void): Promise<string> {
  const described = readPackage(folder);
  const file = entryFile(folder, described);
  const missing = Object.keys(described.dependencies ?? {}).filter((name) => !packageFolder(folder, name));
  if (missing.length > 0) {
    throw new BuildFailure(
      `the packages ${missing.join(", ")} are neither in the source's node_modules nor installed with the emulator, which installs nothing; bundle them, or let node_modules into the zip (a line !node_modules in .gcloudignore)`,
    );
  }
  await checkSyntax(file, print);
  const framework = packageFolder(folder, FRAMEWORK);
  const bin = framework && frameworkCommand(framework);
  if (!bin)
    throw new BuildFailure(`${FRAMEWORK} is neither in the source's node_modules nor installed with the emulator`);
  print(`using ${FRAMEWORK} of ${framework.startsWith(`${folder}${sep}`) ? "the source" : "the emulator"}`);
  return bin;
}

function frameworkCommand(framework: string): string | undefined {
  const { bin } = JSON.parse(readFileSync(join(framework, "package.json"), "utf8")) as {
    bin?: string | Record<string, string>;
  };
  const file = typeof bin === "string" ? bin : (bin?.["functions-framework"] ?? bin?.["functions-framework-nodejs"]);
  return file === undefined || !existsSync(join(framework, file)) ? undefined : join(framework, file);
}

/** As the buildpack does: `node --check`. */
function checkSyntax(file: string, print: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--check", file], { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
    child.on("error", reject);
    child.on("close", (code) => {
      for (const line of text.split("\n").filter((line) => line.trim() !== "")) print(line);
      if (code === 0) resolve();
      else reject(new BuildFailure(text.split("\n").find((line) => /^\w*Error: /.test(line)) ?? "node --check failed"));
    });
  });
}
