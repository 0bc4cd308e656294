import { CliError, EXIT } from "./failure.ts";
import { span } from "./terminal/bar.ts";

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * Asks until there is an answer. Throws when `withinMs` are over, saying what was waited for and what `explain` knows
 * about it.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  options: { withinMs: number; everyMs?: number; explain?: () => Promise<string> },
): Promise<T> {
  const end = Date.now() + options.withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() >= end) {
      const why = await options.explain?.().catch(() => undefined);
      throw new CliError(EXIT.late, `waited ${span(options.withinMs)} for ${what}`, why);
    }
    await sleep(Math.min(options.everyMs ?? 300, Math.max(1, end - Date.now())));
  }
}
