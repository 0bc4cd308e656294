import { parseArgs } from "node:util";
import type { Api } from "./edge/google.ts";
import { Failure } from "./outcome.ts";

export interface BootOptions {
  command: "boot";
  /** Empty for the machine's own root, else without a slash at its end. */
  root: string;
  /** Undefined: the well-known addresses. */
  metadata: string | undefined;
  endpoints: Partial<Record<Api, string>>;
  deadlineMs: number;
  json: boolean;
}

export type Command =
  | BootOptions
  | { command: "check"; file: string; json: boolean }
  | { command: "status" | "verify"; root: string; json: boolean }
  | { command: "help" | "version" };

export const usage = `moult-agent boot [--root DIR] [--metadata HOST:PORT] [--endpoint API=URL]... [--deadline SECONDS] [--json]
    make this instance what it is described to be, once
moult-agent verify [--root DIR] [--json]    compare the disk with its seal
moult-agent status [--root DIR] [--json]    show what is sealed
moult-agent check FILE [--json]             validate a manifest and the sources in files/ beside it
moult-agent --help | --version

--root      the root file system to configure (/)
--metadata  the metadata server (169.254.169.254:80, its name, its IPv6 address)
--endpoint  another place for secretmanager, storage or pubsub
--deadline  for everything up to the seal (180)
--json      one JSON document on stdout, progress on stderr

exit: 0 sealed, 10 description invalid, 11 refused, 12 deadline, 13 placing failed, 14 seal broken, 64 usage, 70 bug`;

const wrong = (message: string) => new Failure("usage", `${message} (see --help)`);

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const common = { json: flag, help: { ...flag, short: "h" } } as const;
const bootFlags = {
  ...common,
  root: text,
  metadata: text,
  deadline: text,
  endpoint: { ...text, multiple: true },
} as const;

/** Nothing is ever taken from the environment: it belongs to whoever started us. */
export function parseCommandLine(line: readonly string[]): Command {
  const [command, ...args] = line;
  if (command === "--help" || command === "-h") return { command: "help" };
  if (command === "--version") return { command: "version" };
  if (command === "boot") return readBoot(strictly(() => parseArgs({ args, options: bootFlags }).values));
  if (command === "verify" || command === "status") {
    const { values } = strictly(() => parseArgs({ args, options: { ...common, root: text } }));
    return values.help ? { command: "help" } : { command, root: rootOf(values.root), json: values.json ?? false };
  }
  if (command !== "check") throw wrong(command === undefined ? "a command is needed" : "this command is not known");
  const { values, positionals } = strictly(() => parseArgs({ args, options: common, allowPositionals: true }));
  const [file, ...more] = positionals;
  if (values.help) return { command: "help" };
  if (file === undefined || more.length > 0) throw wrong("check wants one file");
  return { command, file, json: values.json ?? false };
}

interface BootFlags {
  help?: boolean;
  json?: boolean;
  root?: string;
  metadata?: string;
  deadline?: string;
  endpoint?: string[];
}

function readBoot(flags: BootFlags): Command {
  const { metadata, deadline = "180", endpoint = [], json = false } = flags;
  if (flags.help) return { command: "help" };
  if (metadata !== undefined && !/^(\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i.test(metadata))
    throw wrong("--metadata wants HOST:PORT");
  const seconds = /^\d+(\.\d+)?$/.test(deadline) ? Number(deadline) : 0;
  if (!(seconds > 0 && seconds <= 86_400)) throw wrong("--deadline wants seconds");
  const endpoints = Object.assign({}, ...endpoint.map(readEndpoint));
  return { command: "boot", root: rootOf(flags.root), metadata, endpoints, deadlineMs: seconds * 1_000, json };
}

function rootOf(root = "/"): string {
  if (!root.startsWith("/")) throw wrong("--root wants an absolute path");
  return root.replace(/\/+$/, "");
}

function readEndpoint(value: string): Partial<Record<Api, string>> {
  const [, api, url] = /^(secretmanager|storage|pubsub)=(https?:\/\/[^\s?#/]+[^\s?#]*)$/.exec(value) ?? [];
  try {
    if (api !== undefined && url !== undefined) return { [api]: new URL(url).href };
  } catch {
    // Said below.
  }
  throw wrong("--endpoint wants secretmanager=URL, storage=URL or pubsub=URL");
}

/** Node's own errors name the flag and the rule. */
function strictly<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : "the flags cannot be read");
  }
}
