import type { Command } from "../args.ts";
import { releaseOf } from "../fleet/asked.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";

export const command: Command = {
  name: "rollout start",
  summary: "begin the release that the inputs ask for, whatever the mode",
  words: [{ name: "FLEET" }],
  flags: {
    urgent: { help: "neither windows nor the rollout under way hold it up: that one is put back first" },
    release: {
      value: "RELEASE",
      help: "only if it is still this one: 12 hex digits, as plan and status show them, or all 64",
    },
    ...ORDER_FLAGS,
  },
  details: `moult rollout plan shows what it would do. --urgent also lets a rollout that waits for a window go on. What a preflight
finds, a quarantine and a hold stop it all the same. Refused (exit code 1) when nothing waits, or another is under way.`,
  examples: ["moult rollout start web", "moult rollout start web --urgent && moult rollout watch web"],
  run: (given, terminal) =>
    tellFleet(given, terminal, { kind: "begin", urgent: given.has("urgent"), ...releaseOf(given) }),
};
