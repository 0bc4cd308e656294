import { readFlags, wrong } from "../flags.ts";
import { giveUp, oneLine, print } from "../print.ts";
import { analyze } from "./analyze/analyze.ts";
import { check } from "./check/check.ts";
import { clean } from "./clean/clean.ts";
import { lint } from "./lint/lint.ts";
import { render } from "./render/render.ts";
import { status } from "./status.ts";
import type { Tool } from "./tool.ts";
import { usage } from "./usage.ts";

export const tools: Readonly<Record<string, Tool>> = {
  status,
  analyze,
  render,
  check,
  clean,
  lint,
};

/**
 * @param args the command and what follows it.
 * @returns the exit code. Failures are said here: those of this bundle are of another class than the other bundle's.
 */
export async function runTools([name = "", ...args]: readonly string[]): Promise<number> {
  const say = (line: string) => print(1, oneLine(line));
  try {
    const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
    if (!tool && !/^(--help|-h|help)$/.test(name)) throw wrong(`${unknown(name)}: ${commands.join(", ")}`);
    const given = tool && readFlags(args, tool.grammar);
    if (tool && given && !given.has("help")) return await tool.run(given, say);
    print(1, tool?.help ?? usage);
    return 0;
  } catch (error) {
    return giveUp(error);
  }
}

const commands = ["boot", "verify", "ready", ...Object.keys(tools)];

function unknown(name: string): string {
  return name === "" || name.startsWith("-") ? "A command comes first" : `There is no command ${name}; there are`;
}
