import { run } from "../../cli/run.ts";
import { makeTerminal } from "../../cli/terminal/terminal.ts";

export interface Shown {
  code: number;
  out: string;
  err: string;
}

/** Runs a command line in this process, without a terminal and without colours. `ask` is a person who answers. */
export async function type(
  args: string[],
  env: Record<string, string | undefined> = {},
  ask?: (question: string) => Promise<string>,
): Promise<Shown> {
  const shown = { out: "", err: "" };
  const terminal = makeTerminal(
    {
      stdout: { write: (text) => (shown.out += text) },
      stderr: { write: (text) => (shown.err += text) },
    },
    env,
    ask,
  );
  const code = await run(args, terminal);
  return { code, ...shown };
}
