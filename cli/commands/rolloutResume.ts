import type { Command } from "../args.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";

export const command: Command = {
  name: "rollout resume",
  summary: "let the paused rollout go on",
  words: [{ name: "FLEET" }],
  flags: {
    ...ORDER_FLAGS,
  },
  details: `A gate that gave no answer is taken as passed, and a group that somebody else changed is taken over. Refused (exit code 1)
when nothing is paused.`,
  examples: ["moult rollout resume web"],
  run: (given, terminal) => tellFleet(given, terminal, { kind: "resume" }),
};
