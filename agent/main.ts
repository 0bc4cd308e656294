import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { Boot } from "./boot.ts";
import { type BootOptions, parseCommandLine, usage } from "./commandline.ts";
import { printFinding } from "./finding.ts";
import { checkFile, type Shown, showStatus, verifySeal } from "./inspect.ts";
import { exits, Failure } from "./outcome.ts";
import { realDisk } from "./place/disk.ts";
import { version } from "./version.ts";

function print(fd: 1 | 2, line: string): void {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      // A full pipe is waited for; a closed one means that nobody listens, which must not stop a boot.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return;
    }
  }
}

/** A line for people, whatever stood in it. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

async function boot(options: BootOptions): Promise<number> {
  const fd = options.json ? 2 : 1;
  const say = (line: string) => print(fd, `moult-agent: ${oneLine(line)}`);
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, groups: process.getgroups?.() ?? [] };
  const ending = await new Boot(options, {
    edge: {
      now: () => performance.now(),
      random: Math.random,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      say,
    },
    ground: { disk: realDisk, root: options.root, self, token: randomBytes(8).toString("hex") },
    self,
    boot: randomBytes(16).toString("hex"),
    instant: () => new Date().toISOString(),
  }).run();
  for (const finding of ending.findings) say(printFinding(finding));
  const { verdict, reason, message } = ending.verdict;
  // Last, so that nothing scrolls it away on a serial console.
  say(verdict === "failed" ? `failed ${reason}: ${message}` : `${verdict}: ${message}`);
  if (options.json) print(1, JSON.stringify({ ...ending, verdict, reason, message }));
  return ending.exit;
}

async function main(args: readonly string[]): Promise<number> {
  const command = parseCommandLine(args);
  switch (command.command) {
    case "help":
      print(1, usage);
      return 0;
    case "version":
      print(1, version);
      return 0;
    case "boot":
      return boot(command);
    case "check":
      return show(checkFile(command.file), command.json);
    case "verify":
      return show(verifySeal(command.root), command.json);
    case "status":
      return show(showStatus(command.root), command.json);
  }
}

function show({ exit, lines, document }: Shown, json: boolean): number {
  if (json) print(1, JSON.stringify(document));
  else for (const line of lines) print(1, oneLine(line));
  return exit;
}

main(process.argv.slice(2)).then(
  (exit) => process.exit(exit),
  (error: unknown) => {
    const failure = error instanceof Failure ? error : undefined;
    print(
      2,
      `moult-agent: ${failure ? `${failure.reason}: ${oneLine(failure.message)}` : "bug: failed before it began"}`,
    );
    process.exit(exits[failure?.reason ?? "bug"]);
  },
);
