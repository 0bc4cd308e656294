import { type ChildProcess, spawn } from "node:child_process";
import type { Command } from "../args.ts";
import { startLocalCloud } from "../project/local.ts";
import { signalCode } from "../signals.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { EMULATOR_FLAGS, localOptions } from "./emulator.ts";

export const command: Command = {
  name: "emulator exec",
  summary: "start the emulator, run a command against it, stop it",
  words: [],
  rest: "CMD…",
  flags: {
    ...EMULATOR_FLAGS,
    port: { value: "N", help: "port of all REST APIs (default: a free one)" },
    "grpc-port": { value: "N", help: "port of gRPC (default: a free one)" },
  },
  details: `CMD finds the emulator in its environment, as with the export lines of moult emulator. Its exit code is ours; when a
signal ends it, 128 and the signal's number; 126 and 127 when it cannot be run or is not there, as in a shell.`,
  examples: [
    "moult emulator exec -- npm test",
    "moult emulator exec --functions -- ./try-it.sh",
    'moult emulator exec -- sh -c "gcloud storage buckets list"',
  ],
  run: async (given, terminal) => {
    const local = await startLocalCloud(localOptions(given, terminal, { web: 0, grpc: 0 }));
    try {
      return await runCommand(given.rest, local.env, terminal);
    } finally {
      await local.close();
    }
  },
};

async function runCommand(words: readonly string[], env: Record<string, string>, { err }: Terminal): Promise<number> {
  const [file = "", ...args] = words;
  return new Promise((resolve) => {
    let child: ChildProcess | undefined;
    const passOn = (signal: NodeJS.Signals) => child?.kill(signal);
    // A terminal sends Ctrl-C to the whole group: the command has it already, and we only stay to clean up.
    const stay = process.stdin.isTTY ? () => {} : passOn;
    // Before it starts: a signal between its first words and ours would end us and leave it alone.
    process.on("SIGINT", stay).on("SIGTERM", passOn).on("SIGHUP", passOn);
    child = spawn(file, args, { stdio: "inherit", env: { ...process.env, ...env } });
    child.once("error", (problem: NodeJS.ErrnoException) => {
      err.write(
        `moult: ${file} cannot be run: ${problem.code === "ENOENT" ? "there is no such command" : problem.message}\n`,
      );
      resolve(problem.code === "ENOENT" ? 127 : 126);
    });
    child.once("exit", (code, signal) => {
      process.off("SIGINT", stay).off("SIGTERM", passOn).off("SIGHUP", passOn);
      resolve(signal === null ? (code ?? 1) : signalCode(signal));
    });
  });
}
