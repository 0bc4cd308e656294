import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../frame/clock.ts";
import type { Reaper } from "./reaper.ts";

export interface Program {
  file: string;
  args: string[];
  /** The program's name for itself; `file` when left out. */
  argv0?: string;
  cwd: string;
  env: Record<string, string>;
  uid?: number;
  gid?: number;
}

/** Takes what a program and its children print. */
export interface Output {
  write(chunk: Buffer): void;
  /** No more will come. */
  end(): void;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A program and all it starts, in a group of their own. */
export interface Group {
  pid: number;
  /** The program itself has ended. */
  exited: Promise<Exit>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when nothing of the group is left; `name` is sent first, SIGKILL after `graceMs`. */
  end(name: NodeJS.Signals, graceMs: number): Promise<void>;
}

const LOOK_EVERY_MS = 20;

/** Rejects when the program cannot be started. */
export async function startGroup(
  program: Program,
  output: Output,
  { reaper, clock }: { reaper: Reaper; clock: Clock },
): Promise<Group> {
  const { file, args, argv0, cwd, env, uid, gid } = program;
  const child = spawn(file, args, {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    ...(argv0 !== undefined && { argv0 }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  const pid = child.pid;
  if (pid !== undefined) reaper.add(pid);
  child.stdout.on("data", (chunk: Buffer) => output.write(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.write(chunk));
  child.once("close", () => output.end());
  const exited = new Promise<Exit>((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  if (pid === undefined) throw new Error(`${file} has no process id`);

  let ended = false;
  const looking = new Set<() => void>();
  const look = () => {
    for (const each of [...looking]) each();
  };
  void exited.then(() => {
    ended = true;
    look();
  });
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-pid, name);
    } catch {
      // Nothing of the group is left.
    }
  };
  const isLeft = () => !ended || groupLives(pid);
  const gone = (graceMs: number) =>
    new Promise<void>((resolve) => {
      const finish = () => {
        looking.delete(whenGone);
        stopLooking();
        stopTimer();
        resolve();
      };
      const whenGone = () => {
        if (!isLeft()) finish();
      };
      // The program's own end is told; that of its children must be looked for.
      const stopLooking = clock.every(LOOK_EVERY_MS, whenGone);
      const stopTimer = Number.isFinite(graceMs) ? clock.after(graceMs, finish) : () => {};
      looking.add(whenGone);
    });
  const end = async (name: NodeJS.Signals, graceMs: number): Promise<void> => {
    if (graceMs > 0 && isLeft()) {
      signal(name);
      await gone(graceMs);
    }
    signal("SIGKILL");
    await exited;
    look();
    reaper.drop(pid);
  };
  return { pid, exited, signal, end };
}

/** Whether a group has a member that runs. Zombies whose parent does not look after them do not count. */
function groupLives(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  const states = stats();
  return states === undefined || states.some((stat) => stat.group === group && !"ZX".includes(stat.state));
}

/** Linux only; undefined elsewhere. */
function stats(): { group: number; state: string }[] | undefined {
  if (process.platform !== "linux") return undefined;
  return pids().flatMap((pid) => {
    // `pid (name, which may hold anything) state ppid pgrp …`
    const fields = /^.*\) (\S) \d+ (\d+) /s.exec(textOf(`/proc/${pid}/stat`));
    return fields ? [{ state: fields[1] ?? "", group: Number(fields[2]) }] : [];
  });
}

/**
 * Kills what left its group (daemons make sessions of their own) but still carries the instance's mark in its
 * environment. Only where there is a /proc.
 */
export function killMarked(root: string): void {
  signalMarked(root, "SIGKILL");
}

/** The same signal for everything that carries an instance's mark. */
export function signalMarked(root: string, name: NodeJS.Signals): void {
  if (process.platform !== "linux") return;
  for (const pid of pids()) {
    if (!`\0${textOf(`/proc/${pid}/environ`)}`.includes(`\0INSTANCE_ROOT=${root}\0`)) continue;
    try {
      process.kill(pid, name);
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
