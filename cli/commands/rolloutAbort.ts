import type { Command } from "../args.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";

export const command: Command = {
  name: "rollout abort",
  summary: "put the rollout under way back",
  words: [{ name: "FLEET" }],
  flags: {
    reason: { value: "TEXT", help: "why; others read it" },
    ...ORDER_FLAGS,
  },
  details: `This combination of inputs is quarantined, so that it is not tried again; the fleet goes on following. moult rollback puts
back as well, and holds the fleet. Refused (exit code 1) when there is nothing to put back.`,
  examples: [
    'moult rollout abort web --reason "users see errors"',
    "moult rollout abort web && moult rollout watch web",
  ],
  run: (given, terminal) =>
    tellFleet(given, terminal, { kind: "abort", reason: given.text("reason") ?? "no reason was given" }),
};
