#!/usr/bin/env node
import { createInterface } from "node:readline/promises";
import { run } from "./run.ts";
import { makeTerminal } from "./terminal/terminal.ts";

// `moult status | head` closes the pipe early; that is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (problem: NodeJS.ErrnoException) => {
    if (problem.code === "EPIPE") process.exit(0);
    throw problem;
  });
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D is an answer too: an empty one.
  const closed = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
  const answer = await Promise.race([lines.question(question), closed]);
  lines.close();
  return answer.trim();
}

const code = await run(
  process.argv.slice(2),
  makeTerminal(process, process.env, process.stdin.isTTY ? ask : undefined),
);
// Connections that Google's clients keep open must not keep a finished command alive.
process.stdout.write("", () => process.exit(code));
