import type { Command } from "../args.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";

export const command: Command = {
  name: "rollback",
  summary: "put the active rollout back, or go to the stable release before",
  words: [{ name: "FLEET" }],
  flags: ORDER_FLAGS,
  details: `Automation does not undo it: the fleet is held afterwards, until moult start.`,
  examples: ["moult rollback web", "moult rollback web && moult wait web"],
  run: (given, terminal) => tellFleet(given, terminal, { kind: "rollback" }),
};
