import { constants } from "node:os";
import type { Terminal } from "./terminal/terminal.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function signalCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Resolves at the first signal to stop; the second one ends the program at once. */
export function untilAskedToStop({ err }: Pick<Terminal, "err">): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (asked) process.exit(signalCode(signal));
        asked = true;
        if (err.live) err.write("\nstopping; once more to stop at once\n");
        resolve(signal);
      });
    }
  });
}
