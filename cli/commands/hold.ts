import type { Command } from "../args.ts";
import { holdOrder } from "../fleet/asked.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";

export const command: Command = {
  name: "hold",
  summary: "keep new rollouts of a fleet from beginning",
  words: [{ name: "FLEET" }],
  flags: {
    reason: { value: "TEXT", help: "why; others read it. Required" },
    for: { value: "DURATION", help: "lift it by itself after this long, such as 90m, 2h or 3d" },
    until: { value: "INSTANT", help: "… or at this instant, such as 2026-11-20T18:00:00Z" },
    ...ORDER_FLAGS,
  },
  details: `A rollout under way goes on, unless it has changed nothing yet: then it is cancelled. moult stop pauses it as well. Without
--for or --until the hold stays until moult unhold.`,
  examples: [
    'moult hold web --reason "release freeze" --until 2026-12-27T00:00:00Z',
    'moult hold web --reason "incident 4711" --for 2h',
  ],
  run: (given, terminal) => tellFleet(given, terminal, holdOrder(given, Date.now())),
};
