import { readFlags, wrong } from "../flags.ts";
import { giveUp, oneLine, print } from "../print.ts";
import { analyze } from "./analyze/analyze.ts";
import { check } from "./check/check.ts";
import { clean } from "./clean/clean.ts";
import { lint } from "./lint/lint.ts";
import { render } from "./render/render.ts";
import type { Tool } from "./tool.ts";
import { usage } from "./usage.ts";

export const tools: Readonly<Record<string, Tool>> = { check, render, analyze, clean, lint };

/**
 * @param args the command and what follows it.
 * @returns the exit code. Failures are said here: those of this bundle are of another class than the other bundle's.
 */
export async function runTools([name = "", ...args]: readonly string[]): Promise<number> {
  const say = (line: string) => print(1, oneLine(line));
  try {
    const tool = tools[name];
    if (name !== "--help" && !tool) throw wrong("this command is not known");
    const given = tool && readFlags(args, tool.grammar);
    if (tool && given && !given.has("help")) return await tool.run(given, say);
    print(1, tool?.help ?? usage);
    return 0;
  } catch (error) {
    return giveUp(error);
  }
}
