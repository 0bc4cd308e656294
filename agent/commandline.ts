import type { Api } from "./edge/google.ts";
import { type Given, readFlags, wrong } from "./flags.ts";

/** Where the network is; only tests, emulators and odd networks say anything here. */
export interface Network {
  /** `HOST:PORT`, tried as the well-known ones are; empty: those. */
  metadata: readonly string[];
  endpoints: Partial<Record<Api, string>>;
  deadlineMs: number;
}

interface Common {
  /** Empty for the machine's own root, else without a slash at its end. */
  root: string;
  json: boolean;
}

export interface BootOptions extends Common, Network {
  command: "boot";
  /** The command to become, with its arguments; empty: none. */
  exec: readonly string[];
}

export interface VerifyOptions extends Common, Network {
  command: "verify";
  /** Whether differences are told, too. */
  report: boolean;
}

export interface ReadyOptions extends Common, Network {
  command: "ready";
  /** JSON of a boot whose report is to be sent: given by the agent itself, when it becomes a command. */
  record: string | undefined;
}

export type Command =
  | BootOptions
  | VerifyOptions
  | ReadyOptions
  | { command: "version" }
  /** For moult-tools.cjs, which reads it itself; also help, and what is no command at all. */
  | { command: "tools"; args: readonly string[] };

const help: Command = { command: "tools", args: ["--help"] };
const network = "metadata endpoint deadline";

/** Nothing is ever taken from the environment: it belongs to whoever started us. */
export function parseCommandLine(line: readonly string[]): Command {
  const [command = "", ...args] = line;
  if (command === "--version") return { command: "version" };
  if (!/^(boot|verify|ready)$/.test(command)) return { command: "tools", args: line };
  const cut = command === "boot" ? args.indexOf("--") : -1;
  const exec = cut < 0 ? [] : args.splice(cut).slice(1);
  if (cut < 0 ? command === "boot" && args.includes("--exec") : args.pop() !== "--exec" || exec.length === 0)
    throw wrong("--exec is the last flag, and -- and a command follow");
  const read = (switches: string, valued: string) => readFlags(args, { switches, valued: `root ${valued}` });
  let given: Given;
  if (command === "boot") given = read("json", network);
  else if (command === "ready") given = read("json", `record ${network}`);
  else given = read("json report", network);
  if (given.has("help")) return help;
  const common = { root: rootOf(given.value("root")), json: given.has("json") };
  const options = { ...common, ...networkOf(given) };
  if (command === "boot") return { command, ...options, exec };
  if (command === "ready") return { command, ...options, record: given.value("record") };
  const report = given.has("report");
  if (!report && network.split(" ").some(given.has)) throw wrong("Without --report nothing is asked for");
  return { command: "verify", ...options, report };
}

export function networkOf(given: Given): Network {
  const metadata = given.value("metadata")?.split(",") ?? [];
  if (!metadata.every((address) => /^(\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i.test(address)))
    throw wrong("--metadata wants HOST:PORT");
  const deadline = given.value("deadline") ?? "180";
  const seconds = /^\d+(\.\d+)?$/.test(deadline) ? Number(deadline) : 0;
  if (!(seconds > 0 && seconds <= 86_400)) throw wrong("--deadline wants seconds");
  const endpoints = Object.assign({}, ...given.values("endpoint").map(readEndpoint));
  return { metadata, endpoints, deadlineMs: seconds * 1_000 };
}

export function rootOf(root = "/"): string {
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
