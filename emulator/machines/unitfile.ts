import { constants } from "node:os";
import { milliseconds, splitWords } from "./words.ts";

/** The part of systemd.service(5), systemd.mount(5) and systemd.timer(5) that an emulated machine knows. */
export interface Unit {
  name: string;
  type: "simple" | "oneshot";
  start: Command[];
  before: Command[];
  environment: string[];
  environmentFiles: OptionalPath[];
  credentials: Credential[];
  /** A oneshot stays active when it has ended well. */
  remains: boolean;
  workingDirectory?: OptionalPath;
  restart: "no" | "on-failure" | "always";
  restartMs: number;
  /** At most this many starts in this time. */
  limit: { starts: number; ms: number };
  killSignal: NodeJS.Signals;
  stopMs: number;
  user?: string;
  group?: string;
  requires: string[];
  wants: string[];
  startsAfter: string[];
  startsBefore: string[];
  wantedBy: string[];
  /** Of a mount. */
  mount: { what: string; where: string; fs: string };
  /** Of a timer: ms after it was started, ms after each start of its unit. */
  timer: { first: number | undefined; again: number | undefined; unit: string };
  /** Sentences about what is in the file but not honoured. */
  remarks: string[];
}

export interface Command {
  words: string[];
  /** `-`: a failure does not matter. */
  optional: boolean;
  /** `@`: the second word is the program's name for itself. */
  named: boolean;
  /** `:` turns it off. */
  expand: boolean;
}

export interface Credential {
  id: string;
  /** From a file: absolute, or sought in the credential stores when it is left out. */
  path?: string;
  value?: string;
}

/** A path with systemd's leading `-`: it may be missing. */
export interface OptionalPath {
  path: string;
  optional: boolean;
}

type Values = Map<string, string[]>;

/** Say nothing about how a unit runs, or ask for what holds here anyway. */
const SILENT = new Set(
  (
    "Description Documentation StandardInput StandardOutput StandardError SyslogIdentifier Alias Also " +
    "RequiredBy TimeoutStartSec NotifyAccess KillMode PartOf Conflicts OnFailure DefaultDependencies Options AccuracySec"
  ).split(" "),
);

/** Reads a unit file with its drop-ins, in order. Never throws: what it cannot honour becomes a remark. */
export function parseUnit(name: string, texts: readonly string[]): Unit {
  const values = new Map<string, string[]>();
  for (const text of texts) collect(text, values);
  const remarks: string[] = [];
  const take = (key: string): string[] => {
    const found = values.get(key) ?? [];
    values.delete(key);
    return found;
  };
  const one = (key: string): string | undefined => take(key).at(-1);
  const words = (key: string): string[] => take(key).flatMap((value) => attempt(() => splitWords(value), remarks, key));
  const span = (key: string, otherwise: number): number => {
    const text = one(key);
    const ms = text === undefined ? otherwise : milliseconds(text);
    if (ms === undefined) remarks.push(`${key}=${text} is not a time span`);
    return ms ?? otherwise;
  };
  const commands = (key: string) => take(key).flatMap((value) => attempt(() => [command(value)], remarks, key));

  const workingDirectory = one("WorkingDirectory");
  const user = one("User");
  const group = one("Group");
  const unit: Unit = {
    name,
    mount: {
      what: one("What") ?? "",
      where: one("Where") ?? "",
      fs: name.endsWith(".mount") ? (one("Type") ?? "") : "",
    },
    timer: timerOf(name, take, remarks),
    type: kindOf(one("Type"), remarks),
    remains: isTrue(one("RemainAfterExit")),
    start: commands("ExecStart"),
    before: commands("ExecStartPre"),
    environment: words("Environment"),
    environmentFiles: take("EnvironmentFile").map(optionalPath),
    credentials: [...take("LoadCredential").map(loaded), ...take("SetCredential").map(given)],
    ...(workingDirectory && { workingDirectory: optionalPath(workingDirectory) }),
    restart: restartOf(one("Restart"), remarks),
    restartMs: span("RestartSec", 100),
    limit: { starts: Number(one("StartLimitBurst") ?? 5), ms: span("StartLimitIntervalSec", 10_000) },
    killSignal: signalOf(one("KillSignal"), remarks),
    stopMs: span("TimeoutStopSec", 90_000),
    ...(user && { user }),
    ...(group && { group }),
    requires: [...words("Requires"), ...words("BindsTo"), ...words("Requisite")],
    wants: words("Wants"),
    startsAfter: words("After"),
    startsBefore: words("Before"),
    wantedBy: words("WantedBy"),
    remarks,
  };
  const unknown = [...values.keys()].filter((key) => !SILENT.has(key));
  if (unknown.length > 0) remarks.push(`ignored here: ${unknown.join(", ")}`);
  return unit;
}

/** `Key=value` lines of all sections; keys of the sections we read do not collide. An empty value clears the list. */
function collect(text: string, into: Values): void {
  const joined = text.replace(/\\\r?\n/g, " ");
  for (const line of joined.split(/\r?\n/)) {
    const found = /^\s*([A-Za-z]\w*)\s*=\s*(.*?)\s*$/.exec(line);
    if (!found || /^\s*[#;[]/.test(line)) continue;
    const [, key = "", value = ""] = found;
    // One empty assignment empties the whole list of a timer.
    if (value === "" && TRIGGERS.includes(key)) for (const trigger of TRIGGERS) into.delete(trigger);
    into.set(key, value === "" ? [] : [...(into.get(key) ?? []), value]);
  }
}

const FIRST = ["OnActiveSec", "OnBootSec", "OnStartupSec"];
const AGAIN = ["OnUnitActiveSec", "OnUnitInactiveSec"];
const TRIGGERS = [...FIRST, ...AGAIN];

function timerOf(name: string, take: (key: string) => string[], remarks: string[]): Unit["timer"] {
  const least = (keys: string[]) => {
    const spans = keys.flatMap((key) =>
      take(key).flatMap((text) => {
        const ms = milliseconds(text);
        if (ms === undefined) remarks.push(`${key}=${text} is not a time span`);
        return ms ?? [];
      }),
    );
    return spans.length > 0 ? Math.min(...spans) : undefined;
  };
  const unit = take("Unit").at(-1) ?? name.replace(/\.timer$/, ".service");
  return { first: least(FIRST), again: least(AGAIN), unit };
}

function loaded(text: string): Credential {
  const cut = text.indexOf(":");
  return cut < 0 ? { id: text } : { id: text.slice(0, cut), path: text.slice(cut + 1) };
}

function given(text: string): Credential {
  const [id = ""] = text.split(":", 1);
  return { id, value: text.slice(id.length + 1) };
}

function isTrue(text: string | undefined): boolean {
  return /^(1|yes|y|true|t|on)$/i.test(text ?? "");
}

function command(line: string): Command {
  const prefix = /^[-@:+!]*/.exec(line)?.[0] ?? "";
  const words = splitWords(line.slice(prefix.length));
  if (words.length === 0) throw new Error("there is no command");
  return { words, optional: prefix.includes("-"), named: prefix.includes("@"), expand: !prefix.includes(":") };
}

function optionalPath(text: string): OptionalPath {
  return text.startsWith("-") ? { path: text.slice(1), optional: true } : { path: text, optional: false };
}

function attempt<T>(read: () => T[], remarks: string[], key: string): T[] {
  try {
    return read();
  } catch (problem) {
    remarks.push(`${key}: ${(problem as Error).message}`);
    return [];
  }
}

function kindOf(text: string | undefined, remarks: string[]): Unit["type"] {
  if (text === "oneshot") return "oneshot";
  if (text !== undefined && !["simple", "exec", "notify"].includes(text)) {
    remarks.push(`Type=${text} is run as simple`);
  }
  return "simple";
}

function restartOf(text: string | undefined, remarks: string[]): Unit["restart"] {
  if (text === undefined || text === "no") return "no";
  if (text === "always" || text === "on-failure") return text;
  remarks.push(`Restart=${text} is taken as on-failure`);
  return "on-failure";
}

function signalOf(text: string | undefined, remarks: string[]): NodeJS.Signals {
  if (text === undefined) return "SIGTERM";
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  const found = names.find(([name, code]) => name === text || name === `SIG${text}` || String(code) === text);
  if (!found) remarks.push(`KillSignal=${text} is not a signal`);
  return found?.[0] ?? "SIGTERM";
}
