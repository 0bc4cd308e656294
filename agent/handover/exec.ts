import { accessSync, closeSync, constants, openSync, readFileSync, readSync, statSync } from "node:fs";
import { constants as os } from "node:os";
import { loadChildProcess } from "../edge/load.ts";
import { Failure } from "../outcome.ts";

const folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

const cannot = (command: string, why: string) => new Failure("exec-failed", `${command} cannot be started: ${why}`);

/**
 * The file of a command, searched as execvp does, in folders that nobody's environment chooses. Asked before anything else is done:
 * older Node ends with an abort when execve fails.
 * @returns its path; a name with a slash is taken as it is, also under `--root`, for it is this machine that runs it.
 */
export function findCommand(command: string): string {
  const paths = command.includes("/") ? [command] : folders.map((folder) => `${folder}/${command}`);
  const file = paths.find(isProgram);
  if (file === undefined) throw cannot(command, "there is no such program, or it may not be executed");
  const head = headOf(file);
  const text = head.toString("latin1");
  if (text.startsWith("\x7fELF")) {
    // Byte 4 is the word size, bytes 18 and 19 are the processor (elf(5)).
    const kind = (bytes: Buffer) => `${bytes[4]} ${bytes[18]} ${bytes[19]}`;
    if (head.length > 19 && kind(head) !== kind(headOf(process.execPath)))
      throw cannot(command, "it is a program for another kind of processor");
    return file;
  }
  const [, interpreter] = /^#![ \t]*([^ \t\n]+)/.exec(text) ?? [];
  if (interpreter === undefined)
    throw cannot(command, "it is neither a program nor a script with #! and an interpreter");
  // A line that ends in CR asks for an interpreter of that name.
  if (!isProgram(interpreter)) throw cannot(command, `its interpreter ${JSON.stringify(interpreter)} is not there`);
  return file;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function headOf(file: string): Buffer {
  try {
    const fd = openSync(file, "r");
    const head = Buffer.alloc(256);
    const length = readSync(fd, head);
    closeSync(fd);
    return head.subarray(0, length);
  } catch {
    // Executable and not readable is a program to execve.
    return Buffer.from("\x7fELF");
  }
}

/** Of one argument or variable, with the zero at its end: 32 pages of 4 KiB (execve(2)). */
const mostOfOne = 128 * 1024;

/** What execve(2) refuses with E2BIG is found while it can still be reported. The message names a variable, never its value. */
export function requireFits(command: readonly string[], environment: NodeJS.ProcessEnv): void {
  const [name = ""] = command;
  const variables = Object.entries(environment).map(([key, value]): [string, string] => [key, `${key}=${value ?? ""}`]);
  const words = [...command.map((word): [string, string] => ["an argument", word]), ...variables];
  let all = 0;
  for (const [what, word] of words) {
    const bytes = Buffer.byteLength(word) + 1;
    if (bytes > mostOfOne)
      throw cannot(name, `${what} is longer than ${mostOfOne >> 10} KiB: files have no such limit`);
    all += bytes + 8;
  }
  const most = mostOfAll();
  if (all > most) throw cannot(name, `arguments and environment together are more than ${most >> 10} KiB`);
}

/** A quarter of the stack's limit, between 128 KiB and 6 MiB; some room is left for the file's own name. */
function mostOfAll(): number {
  let stack = 8 * 1024 * 1024;
  try {
    const [, soft] = /^Max stack size +(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    stack = soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft ?? stack);
  } catch {
    // Without /proc: what is usual.
  }
  return Math.max(mostOfOne, Math.min(stack / 4, 6 * 1024 * 1024)) - 4096;
}

/** Signals a process cannot catch, or that mean itself: its children, its terminal, its own faults. */
const ownSignals = new Set(
  "SIGKILL SIGSTOP SIGCHLD SIGCLD SIGTSTP SIGTTIN SIGTTOU SIGSEGV SIGBUS SIGFPE SIGILL SIGABRT SIGIOT SIGTRAP SIGPROF".split(
    " ",
  ),
);

/**
 * Becomes the command: same process id, nothing of the agent left. Where Node has no execve (before 22.15), the agent stays as its
 * parent, passes every signal on once, and ends as it ends. `file` is from `findCommand`.
 * @param leave leaves behind what reports this boot; `failed` says why the command did not start.
 * @returns only in the second case: the exit code.
 */
export function becomeCommand(
  file: string,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  leave: (failed?: string) => void,
): Promise<number> {
  const [name = file, ...args] = command;
  if (process.execve) {
    leave();
    // Node ignores these two, and what is ignored stays so across execve; what is caught becomes the default again.
    for (const signal of ["SIGPIPE", "SIGXFSZ"] as const) process.on(signal, () => {});
    try {
      process.execve(file, [name, ...args], env);
    } catch (error) {
      throw cannot(name, error instanceof Error && "code" in error ? String(error.code) : "execve failed");
    }
  }
  return new Promise((resolve, reject) => {
    const names = (Object.keys(os.signals) as NodeJS.Signals[]).filter((signal) => !ownSignals.has(signal));
    // Heard before there is a child, whose first signal could otherwise end its parent, or open Node's inspector.
    for (const signal of names) process.on(signal, () => child.kill(signal));
    // A session of its own: else a terminal's Ctrl-C would reach it twice, from the terminal and from here.
    const child = loadChildProcess().spawn(file, args, { argv0: name, env, stdio: "inherit", detached: true });
    child.on("spawn", () => leave());
    child.on("error", (error) => {
      const failure = cannot(name, "code" in error ? String(error.code) : "spawn failed");
      leave(failure.message);
      reject(failure);
    });
    child.on("exit", (code, signal) => {
      if (signal === null) return resolve(code ?? 0);
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
      // Process 1 of a container does not die of a signal it sends itself.
      setTimeout(() => resolve(128 + os.signals[signal]), 100);
    });
  });
}
