import { type Command, readArgs, usage } from "./args.ts";
import { EXIT, toCliError } from "./failure.ts";
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

/** The longest name wins: `emulator exec` before `emulator`. */
function findCommand(args: readonly string[]): { entry: Entry; length: number } {
  const [first = "", second = ""] = args;
  const two = COMMANDS.find(({ name }) => name === `${first} ${second}`);
  if (two) return { entry: two, length: 2 };
  const one = COMMANDS.find(({ name }) => name === first);
  if (one) return { entry: one, length: 1 };
  if (first.startsWith("-")) throw usage(`moult has no flag ${first}; a command comes first`, "See moult --help.");
  const below = COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name.split(" ")[1] ?? "");
  if (below.length > 0) {
    const near = nearest(second, below);
    const known = `moult ${first} knows ${below.join(", ")}`;
    if (second === "" || second.startsWith("-")) throw usage(`moult ${first} needs one more word: ${known}`);
    throw usage(`moult ${first} has no "${second}"; ${known}${near ? `. Did you mean moult ${first} ${near}?` : ""}`);
  }
  const near = nearest(
    first,
    COMMANDS.map(({ name }) => name.split(" ")[0] ?? ""),
  );
  throw usage(`moult has no command "${first}".${near ? ` Did you mean moult ${near}?` : " See moult --help."}`);
}
