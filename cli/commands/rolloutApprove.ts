import type { Command } from "../args.ts";
import { releaseOf } from "../fleet/asked.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";

export const command: Command = {
  name: "rollout approve",
  summary: "let the step pass, or the release begin, that waits for a person",
  words: [{ name: "FLEET" }],
  flags: {
    release: {
      value: "RELEASE",
      help: "only if it is still this one: 12 hex digits, as plan and status show them, or all 64",
    },
    ...ORDER_FLAGS,
  },
  details: `With a rollout at a gate that a person answers, its step passes. Without a rollout, the release that waits begins, as mode:
approve asks for. --release makes sure that it is the one you have looked at. Refused (exit code 1) when nothing waits.`,
  examples: ["moult rollout approve web", "moult rollout approve web --release 3f2a5c1d9e0b"],
  run: (given, terminal) => tellFleet(given, terminal, { kind: "approve", ...releaseOf(given) }),
};
