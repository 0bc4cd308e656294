import { writeSync } from "node:fs";
import { exits, Failure } from "./outcome.ts";

/** What a command that changes nothing has to say. */
export interface Shown {
  exit: number;
  lines: string[];
  /** For --json. */
  document: unknown;
}

export function print(fd: 1 | 2, line: string): void {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      // A full pipe is waited for; a closed one means that nobody listens, which must not stop a boot.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return;
    }
  }
}

/** A line for people, whatever stood in it: control characters (Cc of Unicode) are spaces. */
export function oneLine(text: string): string {
  return text.replace(/[^ -~\xa0-\uffff]+/g, " ");
}

export function show({ exit, lines, document }: Shown, json: boolean): number {
  if (json) print(1, JSON.stringify(document));
  else for (const line of lines) print(1, oneLine(line));
  return exit;
}

/** Says why a command could not be done. @returns its exit code. */
export function giveUp(error: unknown): number {
  const failure = error instanceof Failure ? error : undefined;
  const why = failure ? `${failure.reason}: ${oneLine(failure.message)}` : "bug: failed before it began";
  print(2, `moult-agent: ${why}`);
  return exits[failure?.reason ?? "bug"];
}
