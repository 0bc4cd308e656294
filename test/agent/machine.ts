import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FakeCloud } from "./cloud.ts";

/** The Node that agents run on. */
export const testNode = process.env.MOULT_TEST_NODE ?? process.execPath;

let built: string | undefined;

/** As `npm run build` does it. */
export function buildAgentInto(folder: string): void {
  execFileSync(process.execPath, [new URL("../../scripts/build-agent.mjs", import.meta.url).pathname, folder]);
}

/** The bundles as they go onto machines, built once for each test file. @returns the first, which loads the others. */
export function builtAgent(): string {
  if (built) return built;
  const folder = mkdtempSync(join(tmpdir(), "moult-agent-"));
  built = join(folder, "moult-agent.cjs");
  buildAgentInto(folder);
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return built;
}

export interface Run {
  exit: number | null;
  stdout: string;
  stderr: string;
  lines: string[];
  last: string;
}

/** A root file system and the agent on it. */
export class Machine {
  readonly root = mkdtempSync(join(tmpdir(), "moult-root-"));
  readonly cloud: Pick<FakeCloud, "address" | "url">;

  constructor(cloud: Pick<FakeCloud, "address" | "url">) {
    this.cloud = cloud;
    this.write("/etc/os-release", "ID=debian\n");
  }

  write(path: string, text: string | Buffer, mode?: number): void {
    mkdirSync(dirname(this.root + path), { recursive: true });
    writeFileSync(this.root + path, text);
    if (mode !== undefined) chmodSync(this.root + path, mode);
  }

  bake(manifest: unknown, sources: Record<string, string> = {}): void {
    this.write(
      "/usr/lib/moult/manifest.json",
      typeof manifest === "string" ? manifest : JSON.stringify(manifest, null, 2),
    );
    for (const [name, text] of Object.entries(sources)) this.write(`/usr/lib/moult/files/${name}`, text);
  }

  read(path: string): string {
    return readFileSync(this.root + path, "utf8");
  }

  mode(path: string): string {
    return (statSync(this.root + path).mode & 0o7777).toString(8).padStart(4, "0");
  }

  /** Where the APIs are; the fake cloud unless a test puts something before it. */
  api: string | undefined;
  /** Environment of the agent, apart from PATH. */
  env: Record<string, string> = {};
  /** Flags of Node itself. */
  nodeFlags: string[] = [];

  start(...flags: string[]): ChildProcess {
    const { address, url } = this.cloud;
    const endpoints = ["secretmanager", "storage", "pubsub"].flatMap((api) => [
      "--endpoint",
      `${api}=${this.api ?? url}`,
    ]);
    return spawn(
      testNode,
      [...this.nodeFlags, builtAgent(), "boot", "--root", this.root, "--metadata", address, ...endpoints, ...flags],
      {
        env: { PATH: process.env.PATH ?? "", ...this.env },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
  }

  boot(...flags: string[]): Promise<Run> {
    return ended(this.start(...flags));
  }

  /** Every file, link and folder but those in run/, with what tells one state from another. */
  persistent(): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (folder: string) => {
      for (const name of readdirSync(this.root + folder).sort()) {
        const path = `${folder}/${name}`;
        if (path === "/run") continue;
        const stat = lstatSync(this.root + path);
        if (stat.isDirectory()) {
          found[path] = "folder";
          walk(path);
        } else if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(this.root + path)}`;
        else found[path] = readFileSync(this.root + path, "latin1");
      }
    };
    walk("");
    return found;
  }

  /** What a reboot does to memory file systems. */
  loseMemory(): void {
    rmSync(`${this.root}/run`, { recursive: true, force: true });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export function runAgent(...args: string[]): Promise<Run> {
  return ended(spawn(testNode, [builtAgent(), ...args], { env: {}, stdio: ["ignore", "pipe", "pipe"] }));
}

export function ended(child: ChildProcess): Promise<Run> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exit) => {
      const lines = stdout.trimEnd().split("\n");
      resolve({ exit, stdout, stderr, lines, last: lines.at(-1) ?? "" });
    });
  });
}
