import { relative } from "../terminal/bar.ts";
import { table } from "../terminal/table.ts";
import type { Paint } from "../terminal/terminal.ts";
import type { Pin } from "./pins.ts";

const NAMED = 2;

/** One line a version: what needs it, or that nothing does. */
export function pinsText(pins: readonly Pin[], paint: Paint, now: number, width?: number): string {
  const rows = pins.map((pin, i) => [
    pins[i - 1]?.secret === pin.secret ? "" : paint("bold", shortName(pin.secret)),
    String(pin.version),
    paint(pin.verdict === "alarm" ? "red" : "dim", stateText(pin, now)),
    needText(pin, paint),
  ]);
  return table(["SECRET", "VERSION", "STATE", "NEEDED BY"], rows, paint, width);
}

/** `acme-prod/web-db`, `acme-prod/europe-west4/web-db`. */
export function shortName(secret: string): string {
  return secret.replace(/^projects\//, "").replace(/\/(locations|secrets)\//g, "/");
}

function stateText({ state, destroyAt }: Pin, now: number): string {
  return destroyAt === undefined ? state : `${state}, destroyed ${relative(destroyAt, now)}`;
}

function needText({ verdict, instances, needs, state }: Pin, paint: Paint): string {
  const machines = instances.length > NAMED ? `${instances.length} instances` : instances.join(", ");
  const parts = [...(machines ? [machines] : []), ...needs.map(({ by }) => by)];
  const shown =
    parts.slice(0, NAMED + 1).join("; ") + (parts.length > NAMED + 1 ? `; ${parts.length - NAMED - 1} more` : "");
  if (verdict === "alarm")
    return `${paint("red", "ALARM")} machines cannot boot without it: ${shown}. ${adviceFor(state)}`;
  if (verdict === "free") return paint("green", "nothing: it can be destroyed");
  if (verdict === "gone") return paint("dim", "nothing");
  if (verdict === "unknown")
    return parts.length > 0 ? `${shown}; perhaps more` : "not known: not everything could be read";
  if (verdict === "spare" && needs.every(({ weight }) => weight === "rollback" || weight === "idle"))
    return `${shown}: no machine; destroying ${state === "DESTROYED" ? "it has ended" : "it ends"} that way back`;
  return shown;
}

function adviceFor(state: string): string {
  // Enabling one that is scheduled for destruction cancels that.
  return state === "DISABLED" || state === "ENABLED"
    ? "Enable it, or roll to another version"
    : "It cannot be had back: roll to another version";
}
