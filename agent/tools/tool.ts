import type { Given, Grammar } from "../flags.ts";

/** One command for people. */
export interface Tool {
  /** Its command line and, indented, what it is for and what its flags mean. */
  help: string;
  grammar: Grammar;
  /** Lines for people go to `say`. @returns the exit code. */
  run(given: Given, say: (line: string) => void): Promise<number> | number;
}
