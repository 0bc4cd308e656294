import { parseArgs } from "node:util";
import { parseDuration } from "../functions/core/instants.ts";
import { CliError, EXIT } from "./failure.ts";
import { nearest } from "./nearest.ts";
import type { Terminal } from "./terminal/terminal.ts";

export interface Flag {
  /** What stands for the value in help, e.g. `DIR`; a flag without one is a switch. */
  value?: string;
  many?: true;
  /** One letter that says the same, e.g. `m` for -m. */
  short?: string;
  choices?: readonly string[];
  help: string;
}

export interface Word {
  name: string;
  optional?: true;
}

export interface Command {
  /** As typed, e.g. `fleet apply`. */
  name: string;
  summary: string;
  words: readonly Word[];
  flags: Readonly<Record<string, Flag>>;
  /** What comes after `--` and is not ours to read, e.g. `CMD…`. */
  rest?: string;
  /** Paragraphs of the command's own help. */
  details?: string;
  examples: readonly string[];
  /** Returns the exit code. */
  run(given: Given, terminal: Terminal): Promise<number>;
}

/** What a person wrote, checked against the command's words and flags. */
export class Given {
  readonly words: readonly string[];
  readonly rest: readonly string[];
  readonly #values: Record<string, string[]>;

  constructor(words: readonly string[], rest: readonly string[], values: Record<string, string[]>) {
    this.words = words;
    this.rest = rest;
    this.#values = values;
  }

  /** A word the command requires. */
  word(index: number): string {
    return this.words[index] ?? "";
  }

  has(flag: string): boolean {
    return this.#values[flag] !== undefined;
  }

  text(flag: string): string | undefined {
    return this.#values[flag]?.at(-1);
  }

  list(flag: string): string[] {
    return this.#values[flag] ?? [];
  }

  whole(flag: string, least: number, most: number): number | undefined {
    const text = this.text(flag);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw usage(`--${flag} must be a whole number from ${least} to ${most}, not "${text}"`);
    return value;
  }

  /** Milliseconds. */
  duration(flag: string): number | undefined {
    const text = this.text(flag);
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms === undefined) throw usage(`--${flag} must be a duration such as 90s, 5m or 2h, not "${text}"`);
    return ms;
  }
}

export function usage(message: string, advice?: string): CliError {
  return new CliError(EXIT.usage, message, advice);
}

/** Reads the arguments after the command's name. Throws a usage error in one line, with a suggestion where one is near. */
export function readArgs(command: Command, args: readonly string[]): Given {
  const options = Object.fromEntries(
    Object.entries(command.flags).map(([name, { value, short }]) => [
      name,
      {
        type: value === undefined ? ("boolean" as const) : ("string" as const),
        multiple: true,
        ...(short && { short }),
      },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true });
  const values: Record<string, string[]> = {};
  const words: string[] = [];
  const rest: string[] = [];
  let ended = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") ended = true;
    else if (token.kind === "positional") (ended && command.rest !== undefined ? rest : words).push(token.value);
    else {
      const value = readFlag(command, token.name, token.rawName, token.value, token.inlineValue === true);
      values[token.name] = [...(values[token.name] ?? []), value];
    }
  }
  for (const [name, given] of Object.entries(values)) {
    const flag = command.flags[name];
    if (given.length > 1 && flag?.value !== undefined && !flag.many)
      throw usage(`--${name} is given ${given.length} times; it takes one value`);
  }
  checkWords(command, words, rest);
  return new Given(words, rest, values);
}

function readFlag(command: Command, name: string, raw: string, value: string | undefined, inline: boolean): string {
  const flag = command.flags[name];
  if (!flag || !(raw.startsWith("--") || raw === `-${flag.short}`)) {
    const near = nearest(name, Object.keys(command.flags));
    const hint = near ? `Did you mean --${near}?` : `See moult ${command.name} --help.`;
    throw usage(`moult ${command.name} has no flag ${raw}. ${hint}`);
  }
  if (flag.value === undefined) {
    if (inline) throw usage(`${raw} is a switch and takes no value`);
    return "yes";
  }
  // Without a value parseArgs takes the next flag as one only when it is written inline.
  if (value === undefined || value === "" || (!inline && value.startsWith("--")))
    throw usage(`${raw} needs a value: ${raw} ${flag.value}`);
  if (flag.choices && !flag.choices.includes(value)) {
    const near = nearest(value, flag.choices);
    throw usage(`${raw} is ${flag.choices.join(", ")}, not "${value}"${near ? `. Did you mean ${near}?` : ""}`);
  }
  return value;
}

function checkWords(command: Command, words: readonly string[], rest: readonly string[]): void {
  const missing = command.words[words.length];
  if (missing && !missing.optional) throw usage(`moult ${command.name} needs ${missing.name}: ${usageLine(command)}`);
  if (words.length > command.words.length) {
    const extra = words[command.words.length];
    throw usage(`moult ${command.name} does not take "${extra}": ${usageLine(command)}`);
  }
  if (command.rest !== undefined && rest.length === 0)
    throw usage(`moult ${command.name} needs -- ${command.rest}: ${usageLine(command)}`);
}

export function usageLine(command: Command): string {
  const words = command.words.map(({ name, optional }) => (optional ? `[${name}]` : name));
  const flags = Object.keys(command.flags).length > 0 ? ["[flags]"] : [];
  const rest = command.rest === undefined ? [] : ["--", command.rest];
  return ["moult", command.name, ...words, ...flags, ...rest].join(" ");
}
