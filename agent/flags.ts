import { Failure } from "./outcome.ts";

/** Names of flags, apart by spaces. */
export interface Grammar {
  /** Without a value. */
  switches: string;
  valued: string;
  /** How many words may stand beside the flags; none when left out. */
  words?: number;
}

export interface Given {
  has(name: string): boolean;
  /** The last one wins. */
  value(name: string): string | undefined;
  values(name: string): string[];
  words: string[];
}

export const wrong = (message: string) => new Failure("usage", `${message} (see --help)`);

/** `--name`, `--name VALUE` or `--name=VALUE`. node:util's parseArgs would do, and costs a boot 0.7 ms of start. */
export function readFlags(args: readonly string[], { switches, valued, words: most = 0 }: Grammar): Given {
  const found = new Map<string, string[]>();
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] === "-h" ? "--help" : (args[i] ?? "");
    const [, name = "", inline] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const among = (names: string) => name !== "" && names.split(" ").includes(name);
    if (name === "" && (arg === "-" || !arg.startsWith("-"))) words.push(arg);
    else if (among(`${switches} help`)) {
      if (inline !== undefined) throw wrong(`--${name} takes no value`);
      found.set(name, []);
    } else if (among(valued)) {
      const value = inline ?? args[++i];
      if (value === undefined || (inline === undefined && value.startsWith("--")))
        throw wrong(`--${name} wants a value`);
      found.set(name, [...(found.get(name) ?? []), value]);
    } else throw wrong(`Unknown option '${arg.replace(/=.*/s, "")}'`);
  }
  if (words.length > most)
    throw wrong(most === 0 ? "Only flags are taken here" : `At most ${most} word${most > 1 ? "s" : ""} beside flags`);
  return {
    words,
    has: (name) => found.has(name),
    values: (name) => found.get(name) ?? [],
    value: (name) => found.get(name)?.at(-1),
  };
}
