import { span } from "../terminal/bar.ts";
import { table } from "../terminal/table.ts";
import type { Paint } from "../terminal/terminal.ts";

/** What the run was. The names are those of `--json`. */
export interface Facts {
  seconds: number;
  machines: number;
  replaced: number;
  requests: number;
  failed: number;
  badMachines: number;
  rolledBack: boolean;
  quarantined: boolean;
  finalVersion: string;
  leaks: number;
  /** Times in milliseconds, of what has happened. */
  rolloutMs?: number;
  rollbackMs?: number;
  returnMs?: number;
}

interface Row {
  what: string;
  value: string;
  ok: boolean;
  promised: string;
}

/** Each fact with what was promised. */
export function judgeFacts(facts: Facts, size: number): Row[] {
  const time = (ms: number | undefined) => (ms === undefined ? "it did not happen" : span(ms));
  const row = (what: string, value: string, ok: boolean, promised = "") => ({ what, value, ok, promised });
  return [
    row("machines replaced", String(facts.replaced), facts.replaced === 2 * size, `${2 * size}: the fleet, twice`),
    row("machines of the bad image", String(facts.badMachines), facts.badMachines === 1, "1: the canary"),
    row("requests served", String(facts.requests - facts.failed), facts.requests > facts.failed, "some"),
    row("requests failed", String(facts.failed), facts.failed === 0, "0"),
    row("rollout v1 → v2", time(facts.rolloutMs), facts.rolloutMs !== undefined),
    row("v3 published → back on v2", time(facts.rollbackMs), facts.rolledBack && facts.rollbackMs !== undefined),
    row("v3 quarantined", facts.quarantined ? "yes" : "no", facts.quarantined, "yes"),
    row("v2 deprecated → back on v1", time(facts.returnMs), facts.returnMs !== undefined),
    row("the fleet runs", facts.finalVersion || "a mixture", facts.finalVersion === "v1", "v1"),
    row("files that hold the secret", String(facts.leaks), facts.leaks === 0, "0"),
  ];
}

export function factsTable(facts: Facts, size: number, paint: Paint): string {
  const rows = judgeFacts(facts, size).map(({ what, value, ok, promised }) => [
    paint(ok ? "green" : "red", ok ? "✓" : "✗"),
    what,
    paint(ok ? "bold" : "red", value),
    promised ? paint("dim", `promised: ${promised}`) : "",
  ]);
  return table(["", "FACT", "", ""], rows, paint);
}
