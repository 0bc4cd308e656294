import { type Command, readArgs, usage } from "./args.ts";
import { type CliError, EXIT, toCliError } from "./failure.ts";
import { commandHelp, overview } from "./help.ts";
import { version } from "./installation.ts";
import { nearest } from "./nearest.ts";
import { COMMANDS, type Entry } from "./registry.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** One run of the command line, from its arguments to its exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await dispatch(args, terminal);
  } catch (problem) {
    const error = toCliError(problem);
    const { err, env } = terminal;
    err.write(`${err.paint("red", "moult:")} ${error.message}\n`);
    if (error.advice) err.write(`${error.advice.replace(/^/gm, "  ")}\n`);
    if (env.MOULT_DEBUG === "1" && problem instanceof Error) err.write(`${problem.stack ?? ""}\n`);
    return error.exitCode;
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first] = args;
  if (first === undefined || first === "--help" || first === "-h" || (first === "help" && args.length === 1)) {
    terminal.out.write(overview(terminal.out));
    return EXIT.ok;
  }
  if (first === "--version" || first === "-V" || first === "version") {
    terminal.out.write(`${version()}\n`);
    return EXIT.ok;
  }
  const named = first === "help" ? args.slice(1) : args;
  const { entry, length } = findCommand(named);
  const command = await entry.load();
  const rest = named.slice(length);
  if (first === "help" || asksForHelp(command, rest)) {
    terminal.out.write(commandHelp(command, terminal.out));
    return EXIT.ok;
  }
  return command.run(readArgs(command, rest), terminal);
}

/** What stands after `--` belongs to somebody else. */
function asksForHelp(command: Command, rest: readonly string[]): boolean {
  const end = rest.indexOf("--");
  const ours = command.rest !== undefined && end >= 0 ? rest.slice(0, end) : rest;
  return ours.includes("--help") || ours.includes("-h");
}

/** The longest name wins: `emulator fault add` before `emulator`. */
function findCommand(args: readonly string[]): { entry: Entry; length: number } {
  const [first = "", second = "", third = ""] = args;
  for (const length of [3, 2, 1]) {
    const entry = COMMANDS.find(({ name }) => name === args.slice(0, length).join(" "));
    if (!entry) continue;
    const below = COMMANDS.filter(({ name }) => name.startsWith(`${first} ${second} `));
    // Else a word that is missing would be read as one too many of the shorter command.
    if (length === 1 && below.length > 0) throw unknownBelow(`${first} ${second}`, third, below);
    return { entry, length };
  }
  if (first.startsWith("-")) throw usage(`moult has no flag ${first}; a command comes first`, "See moult --help.");
  const below = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  if (below.length > 0) throw unknownBelow(first, second, below);
  const near = nearest(
    first,
    COMMANDS.map(({ name }) => name.split(" ")[0] ?? ""),
  );
  throw usage(`moult has no command "${first}".${near ? ` Did you mean moult ${near}?` : " See moult --help."}`);
}

/** A word is missing or wrong after words that are right. */
function unknownBelow(words: string, given: string, below: readonly Entry[]): CliError {
  const known = [...new Set(below.map(({ name }) => name.slice(words.length + 1).split(" ")[0] ?? ""))];
  const knows = `moult ${words} knows ${known.join(", ")}`;
  if (given === "" || given.startsWith("-")) return usage(`moult ${words} needs one more word: ${knows}`);
  const near = nearest(given, known);
  return usage(`moult ${words} has no "${given}"; ${knows}${near ? `. Did you mean moult ${words} ${near}?` : ""}`);
}
