import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "vitest";

const root = join(import.meta.dirname, "..", "..");
export const moult = join(root, "dist", "cli", "moult.mjs");
if (!existsSync(moult)) throw new Error("dist/cli/moult.mjs is not there: npm run build");

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

export interface Program {
  child: ChildProcess;
  out(): string;
  err(): string;
  ended: Promise<Ended>;
  /** The first line on standard output; rejects when the program ends without one. */
  firstLine: Promise<string>;
}

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** The built command line as a program of its own. */
export function start(args: string[], env: Record<string, string> = {}): Program {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  const child = spawn(process.execPath, [moult, ...args], {
    cwd: root,
    env: { PATH, HOME, ...(TMPDIR && { TMPDIR }), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = once(child, "close").then(([code, signal]): Ended => {
    running.delete(child);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, out, err };
  });
  const firstLine = new Promise<string>((resolve, reject) => {
    const look = () => {
      const end = out.indexOf("\n");
      if (end >= 0) resolve(out.slice(0, end));
    };
    child.stdout.on("data", look);
    void ended.then(() => reject(new Error(`it ended without a line: ${err}`)));
  });
  firstLine.catch(() => {});
  return { child, out: () => out, err: () => err, ended, firstLine };
}

/** Runs it to its end. */
export function moultRun(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return start(args, env).ended;
}

export interface Ready {
  ready: true;
  project: string;
  url: string;
  grpc: string;
  pid: number;
  endpoints: Record<string, string>;
  functions?: { url: string; pid: number };
  env: Record<string, string>;
}

export async function readyOf(program: Program): Promise<Ready> {
  return JSON.parse(await program.firstLine) as Ready;
}
