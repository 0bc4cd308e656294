import type { Command } from "../args.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";

export const command: Command = {
  name: "unhold",
  summary: "lift the hold of a fleet",
  words: [{ name: "FLEET" }],
  flags: {
    ...ORDER_FLAGS,
  },
  details: `What waited begins. A paused rollout stays paused: moult start lifts the hold and goes on. Refused (exit code 1) when the
fleet is not held.`,
  examples: ["moult unhold web"],
  run: (given, terminal) => tellFleet(given, terminal, { kind: "unhold" }),
};
