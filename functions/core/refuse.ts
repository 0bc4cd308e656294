import { later } from "./instants.ts";
import { remember, say, type Turn } from "./turn.ts";

/** So long a refusal stays where its author can see it: whoever gave the command may come back the next morning. */
const KEPT_MS = 24 * 3_600_000;
/** Of a program that gives the same wrong command again and again, the newest are enough. */
const MOST = 10;

/** What cannot be done is refused with the reason, and changes nothing else. */
export function refuse(turn: Turn, text: string): void {
  remember(turn, "command-refused", say(turn, "command-refused", text));
  const { command, record, context } = turn;
  if (!command) return;
  const { name, kind, by } = command;
  record.refused = [{ command: name, kind, by, at: context.now, text }, ...record.refused].slice(0, MOST);
}

export function forgetRefusals({ record, context }: Turn): void {
  record.refused = record.refused.filter(({ at }) => context.now < later(at, KEPT_MS));
}
