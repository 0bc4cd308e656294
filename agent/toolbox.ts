import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { Failure } from "./outcome.ts";

/**
 * Set by the build (scripts/bundles.mjs): false when the commands for people are a bundle of their own, so that a boot
 * does not read them; true in a single executable, which has no folder.
 */
declare const MOULT_ONE_FILE: boolean | undefined;

/** Runs one of the commands that no boot needs. @returns the exit code. */
export async function runTools(args: readonly string[]): Promise<number> {
  if (typeof MOULT_ONE_FILE === "undefined" || MOULT_ONE_FILE) return (await import("./tools/main.ts")).runTools(args);
  const file = `${__dirname}/moult-tools.cjs`;
  if (!existsSync(file))
    throw new Failure("usage", `${args[0] ?? "this command"} needs ${file}, which is not installed`);
  const tools: typeof import("./tools/main.ts") = createRequire(file)(file);
  return tools.runTools(args);
}
