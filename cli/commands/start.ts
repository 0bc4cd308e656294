import type { Command } from "../args.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";

export const command: Command = {
  name: "start",
  summary: "let a held fleet or a paused rollout go on",
  words: [{ name: "FLEET" }],
  flags: ORDER_FLAGS,
  examples: ["moult start web"],
  run: (given, terminal) => tellFleet(given, terminal, { kind: "start" }),
};
