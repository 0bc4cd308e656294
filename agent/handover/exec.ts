import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
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
  if (head.startsWith("\x7fELF")) return file;
  const [, interpreter] = /^#![ \t]*([^ \t\n]+)/.exec(head) ?? [];
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

function headOf(file: string): string {
  try {
    const fd = openSync(file, "r");
    const head = Buffer.alloc(256);
    const length = readSync(fd, head);
    closeSync(fd);
    return head.toString("latin1", 0, length);
  } catch {
    // Executable and not readable is a program to execve.
    return "\x7fELF";
  }
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
 * @returns only in the second case: the exit code.
 */
export function becomeCommand(file: string, command: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [name = file, ...args] = command;
  if (process.execve) {
    // Node ignores these two, and what is ignored stays so across execve; what is caught becomes the default again.
    for (const signal of ["SIGPIPE", "SIGXFSZ"] as const) process.on(signal, () => {});
    try {
      process.execve(file, [name, ...args], env);
    } catch (error) {
      throw cannot(name, error instanceof Error && "code" in error ? String(error.code) : "execve failed");
    }
  }
  return new Promise((resolve, reject) => {
    // A session of its own: else a terminal's Ctrl-C would reach it twice, from the terminal and from here.
    const child = loadChildProcess().spawn(file, args, { argv0: name, env, stdio: "inherit", detached: true });
    const names = (Object.keys(os.signals) as NodeJS.Signals[]).filter((signal) => !ownSignals.has(signal));
    for (const signal of names) process.on(signal, () => child.kill(signal));
    child.on("error", (error) => reject(cannot(name, "code" in error ? String(error.code) : "spawn failed")));
    child.on("exit", (code, signal) => {
      if (signal === null) return resolve(code ?? 0);
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
      // Process 1 of a container does not die of a signal it sends itself.
      setTimeout(() => resolve(128 + os.signals[signal]), 100);
    });
  });
}
