import { appendFileSync } from "node:fs";

/**
 * With MOULT_EMULATOR_CALLS=FILE, every answered call adds a line to FILE: the method and who called. The coverage page is
 * made from what tests leave there (scripts/coverage.mjs).
 */
export function noteCall(method: string, headers: Record<string, string>): void {
  const file = process.env.MOULT_EMULATOR_CALLS;
  if (!file) return;
  const agent = [headers["user-agent"], headers["x-goog-api-client"]].filter(Boolean).join(" ");
  appendFileSync(file, `${JSON.stringify({ method, agent })}\n`);
}
