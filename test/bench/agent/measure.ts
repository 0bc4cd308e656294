import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One program to be timed, from its start to its exit. */
export interface Program {
  command: string;
  args: readonly string[];
  /** All it sees: nothing is inherited. */
  env: Readonly<Record<string, string>>;
  cwd?: string;
}

/** A program made ready for one run, with a root file system of its own. */
export interface Prepared {
  program: Program;
  /** Throws when the run did not do the job. Never timed. */
  check?(): void;
  remove?(): void;
}

export interface Row {
  id: string;
  title: string;
  prepare(): Prepared;
}

export interface Wall {
  ms: number;
  /** Until it printed this row's `until`; NaN when it did not. */
  untilMs: number;
}

export function run(program: Program, until?: RegExp): Promise<Wall & { stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const { command, args, env, cwd } = program;
    let [stdout, stderr, untilMs] = ["", "", Number.NaN];
    const started = performance.now();
    const child = spawn(command, args, { env: { ...env }, stdio: ["ignore", "pipe", "pipe"], ...(cwd ? { cwd } : {}) });
    let ms = Number.NaN;
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      if (until && Number.isNaN(untilMs) && until.test(stdout)) untilMs = performance.now() - started;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("exit", () => {
      ms = performance.now() - started;
    });
    child.on("close", (code, signal) => {
      if (code === 0) resolve({ ms, untilMs, stdout, stderr });
      else reject(new Error(`${command} ${args.slice(0, 4).join(" ")}: ${code ?? signal}\n${stdout}\n${stderr}`));
    });
  });
}

/** A run of a row, checked and cleaned up after. */
export async function once<T>(row: Row, act: (program: Program) => Promise<T>): Promise<T> {
  const prepared = row.prepare();
  try {
    const result = await act(prepared.program);
    prepared.check?.();
    return result;
  } finally {
    prepared.remove?.();
  }
}

export interface Cost {
  cpuMs: number;
  peakMiB: number;
}

/**
 * What a run costs, from the kernel: bash prints user and system time to the millisecond, time(1) the largest resident
 * set of any program in it. Apart from the timed runs, because the two programs around it take a millisecond as well.
 */
export async function cost(program: Program, scratch: string): Promise<Cost> {
  const [cpu, peak] = [join(scratch, "cpu"), join(scratch, "peak")];
  // The shell's own `time` writes to its stderr: that is the file, the program's goes elsewhere.
  const script = `TIMEFORMAT="%3U %3S"; out=$1 peak=$2; shift 2
{ time /usr/bin/time -f %M -o "$peak" "$@" >/dev/null 2>/dev/null; } 2>"$out"`;
  const args = ["--norc", "-c", script, "bash", cpu, peak, program.command, ...program.args];
  await run({ ...program, command: "/bin/bash", args });
  const times = readFileSync(cpu, "utf8").trim().split(" ").map(Number);
  const kib = Number(readFileSync(peak, "utf8").trim().split("\n").at(-1));
  return { cpuMs: times.reduce((sum, seconds) => sum + seconds, 0) * 1_000, peakMiB: kib / 1_024 };
}

/**
 * MiB a run took from the disk, by the kernel's account of the program and of all it waited for. Read by the shell that
 * waited, without starting anything else.
 */
export async function costCold(program: Program, drop: () => void): Promise<{ ms: number; mib: number }> {
  const script = `"$@" >/dev/null 2>/dev/null || exit; while read -r key value; do
case $key in read_bytes:) echo "$value" ;; esac; done </proc/$$/io`;
  drop();
  const { ms, stdout } = await run({
    ...program,
    command: "/bin/sh",
    args: ["-c", script, "sh", program.command, ...program.args],
  });
  return { ms, mib: Number(stdout.trim()) / 2 ** 20 };
}

export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** A's runs against B's of the same rounds. */
export function ratio(a: readonly Wall[], b: readonly Wall[]): number {
  return median(a.map(({ ms }, round) => ms / (b[round]?.ms ?? Number.NaN)));
}

/** All rows in turn, again and again, so that what else the machine does falls on all of them alike. */
export async function interleaved(rows: readonly Row[], rounds: number, until?: RegExp): Promise<Map<string, Wall[]>> {
  const walls = new Map<string, Wall[]>(rows.map(({ id }) => [id, []]));
  // The first round warms the page cache and is thrown away.
  for (let round = -1; round < rounds; round++)
    for (const row of rows) {
      const wall = await once(row, (program) => run(program, until));
      if (round >= 0) walls.get(row.id)?.push(wall);
    }
  return walls;
}
