import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { CliError, EXIT } from "../failure.ts";

const PATIENCE_MS = 10_000;
const PAUSE_MS = 5;

/** Who holds a lock: pid, when that process started, host. */
interface Holder {
  pid: number;
  started: string;
  host: string;
}

/**
 * Runs `work` while nobody else runs theirs with the same folder. A lock is a file with a number in its name; the highest number
 * counts. It is free when its file is empty or its process is gone, and is taken by making the next number, which only one can:
 * so nothing has to be cleaned up after a crash, and a stale lock is never taken twice.
 */
export async function locked<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true });
  const file = await take(folder);
  try {
    return await work();
  } finally {
    truncateSync(file);
  }
}

async function take(folder: string): Promise<string> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const highest = highestIn(folder);
    const holder = highest === 0 ? undefined : holderOf(join(folder, String(highest)));
    if (!holder || !isAlive(holder)) {
      const taken = tryNext(folder, highest + 1);
      if (taken) return taken;
    } else if (performance.now() > until)
      throw new CliError(
        EXIT.refused,
        `another moult (process ${holder.pid} on ${holder.host}) is writing to ${folder}`,
        `Wait until it is done. When there is no such process any more, remove ${join(folder, String(highest))}.`,
      );
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function tryNext(folder: string, number: number): string | undefined {
  const file = join(folder, String(number));
  const beside = join(folder, `new-${process.pid}-${performance.now()}`);
  const mine: Holder = { pid: process.pid, started: startOf(process.pid), host: hostname() };
  writeFileSync(beside, JSON.stringify(mine));
  try {
    linkSync(beside, file);
  } catch (problem) {
    // Taken; or who took it has tidied away what stood beside.
    if (isCode(problem, "EEXIST", "ENOENT")) return undefined;
    throw problem;
  } finally {
    rmSync(beside, { force: true });
  }
  // One who slept since it looked has made a number that was passed long ago.
  if (highestIn(folder) > number) {
    rmSync(file, { force: true });
    return undefined;
  }
  for (const name of readdirSync(folder))
    if (Number(name) < number || name.startsWith("new-")) rmSync(join(folder, name), { force: true });
  return file;
}

function highestIn(folder: string): number {
  return Math.max(0, ...readdirSync(folder).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : [])));
}

/** Undefined when it was given back. */
function holderOf(file: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { pid, started, host }: Partial<Record<string, unknown>> = { ...value };
    return typeof pid === "number" ? { pid, started: String(started), host: String(host) } : undefined;
  } catch (problem) {
    if (problem instanceof SyntaxError || isCode(problem, "ENOENT")) return undefined;
    throw problem;
  }
}

/** Of another host nothing is known: it counts as alive. */
function isAlive({ pid, started, host }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (problem) {
    return !isCode(problem, "ESRCH");
  }
  return startOf(pid) === started;
}

/** Tells a process from a later one with the same number, where there is /proc: field 22, after a name that may hold anything. */
function startOf(pid: number): string {
  try {
    return (
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")[19] ?? ""
    );
  } catch {
    return "";
  }
}

export function isCode(problem: unknown, ...codes: string[]): boolean {
  return problem instanceof Error && "code" in problem && codes.includes(String(problem.code));
}
