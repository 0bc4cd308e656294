import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { Failure } from "./outcome.ts";

/**
 * Set by the build (scripts/bundles.mjs): false when what only some boots need is a bundle of its own; true in a single
 * executable, which has no folder. Undefined where nothing is bundled.
 */
declare const MOULT_ONE_FILE: boolean | undefined;

export type More = typeof import("./more.ts");

/** Modules of this bundle that the other one asks for by name, so that there is one copy of every class. Filled by the build. */
export const offered: Record<string, unknown> = {};

/** Loads what a sealed machine with nothing secret does not need. */
export async function loadMore(): Promise<More> {
  if (typeof MOULT_ONE_FILE === "undefined" || MOULT_ONE_FILE) return import("./more.ts");
  const file = `${__dirname}/moult-more.cjs`;
  if (!existsSync(file)) throw new Failure("usage", `${file} is not installed beside moult-agent.cjs`);
  const own = createRequire(file);
  const bundle: (ask: (name: string) => unknown) => More = own(file);
  return bundle((name) => (Object.hasOwn(offered, name) ? offered[name] : own(name)));
}
