import type { Command } from "../args.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";

export const command: Command = {
  name: "rollout pause",
  summary: "stop the rollout under way where it is",
  words: [{ name: "FLEET" }],
  flags: {
    reason: { value: "TEXT", help: "why; others read it" },
    ...ORDER_FLAGS,
  },
  details: `What is there stays, and nothing is replaced until moult rollout resume. The fleet is not held; moult stop does both. A
person's pause has no end but a person's word. Refused (exit code 1) when no rollout is under way, or it is being put back.`,
  examples: ['moult rollout pause web --reason "a look at the error rate"'],
  run: (given, terminal) =>
    tellFleet(given, terminal, { kind: "pause", reason: given.text("reason") ?? "no reason was given" }),
};
