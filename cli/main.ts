#!/usr/bin/env node
import { run } from "./run.ts";
import { makeTerminal } from "./terminal/terminal.ts";

// `moult status | head` closes the pipe early; that is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (problem: NodeJS.ErrnoException) => {
    if (problem.code === "EPIPE") process.exit(0);
    throw problem;
  });
}

const code = await run(process.argv.slice(2), makeTerminal(process, process.env));
// Connections that Google's clients keep open must not keep a finished command alive.
process.stdout.write("", () => process.exit(code));
