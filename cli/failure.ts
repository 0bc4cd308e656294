import { Failure } from "../functions/google/failure.ts";

/** What a caller's script can rely on; docs/cli.md explains each. */
export const EXIT = { ok: 0, failed: 1, usage: 2, refused: 3, absent: 4, late: 5, person: 6, bug: 70 } as const;

/** Something to tell a person: what is wrong and where, and below it what to do. Never shown with a stack. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly advice: string | undefined;

  constructor(exitCode: number, message: string, advice?: string) {
    super(message);
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

/** Whatever was thrown, as something to tell a person. What nobody foresaw is a bug of ours. */
export function toCliError(problem: unknown): CliError {
  if (problem instanceof CliError) return problem;
  if (problem instanceof Failure) {
    if (problem.status === 0) {
      return new CliError(
        EXIT.refused,
        `no answer: ${problem.message}`,
        "Check the network, or that the emulator runs and its export lines are set in this shell.",
      );
    }
    if (problem.kind === "denied") {
      return new CliError(
        EXIT.refused,
        problem.message,
        "Ask for the missing role, or choose other credentials with gcloud auth application-default login.",
      );
    }
    if (problem.kind === "missing") return new CliError(EXIT.absent, problem.message);
    return new CliError(EXIT.refused, problem.message);
  }
  if (problem instanceof Error && /Could not load the default credentials/.test(problem.message)) {
    return new CliError(
      EXIT.refused,
      "there are no Google credentials here",
      "Run gcloud auth application-default login, or set the emulator's export lines in this shell.",
    );
  }
  const ofSystem = problem instanceof Error ? systemError(problem) : undefined;
  if (ofSystem) return ofSystem;
  const message = problem instanceof Error ? problem.message : String(problem);
  return new CliError(EXIT.bug, `${message} (this should not happen)`, "MOULT_DEBUG=1 shows where it came from.");
}

const SYSTEM_ADVICE: Partial<Record<string, string>> = {
  EACCES: "Change its rights, or run this as somebody who has them.",
  EPERM: "Change its rights, or run this as somebody who has them.",
  EROFS: "It is on a file system that is read-only: use another folder.",
  ENOSPC: "The disk is full: make room, then run it again.",
  EDQUOT: "The quota of the disk is used up: make room, then run it again.",
  ENOTDIR: "A part of the path is a file: name another folder.",
  EEXIST: "Something else is there already: name another folder, or move it away.",
  EISDIR: "It is a folder, and a file is needed.",
};

/** The operating system refused something about a path: nothing that moult could have done otherwise. */
function systemError(problem: Error): CliError | undefined {
  const { code, path, syscall }: Partial<Record<string, unknown>> = Object(problem);
  if (typeof code !== "string" || typeof path !== "string" || typeof syscall !== "string") return undefined;
  const advice = SYSTEM_ADVICE[code];
  const why = /^[A-Z0-9]+: (.*?), /.exec(problem.message)?.[1] ?? code;
  return advice === undefined ? undefined : new CliError(EXIT.usage, `${path}: ${why} (${syscall})`, advice);
}
