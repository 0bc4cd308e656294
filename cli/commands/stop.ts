import type { Command, Given } from "../args.ts";
import { openCloud } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { freezeFleet } from "../fleet/freeze.ts";
import { knownFleet, type Order, operator, send } from "../fleet/order.ts";
import { ORDER_FLAGS, tellFleet } from "../fleet/tell.ts";
import type { Terminal } from "../terminal/terminal.ts";

export const command: Command = {
  name: "stop",
  summary: "hold a fleet where it is: an active rollout is paused, none begins",
  words: [{ name: "FLEET" }],
  flags: {
    reason: { value: "TEXT", help: "why; others read it" },
    direct: { help: "freeze the groups with your own rights as well; works when the functions are down" },
    ...ORDER_FLAGS,
  },
  details: `--direct makes the groups' updates OPPORTUNISTIC and pins their versions at the machines that are there. The command is
left as well, so that the functions hold the fleet when they are back.`,
  examples: ['moult stop web --reason "looking at the error rate"', "moult stop web --direct"],
  run: async (given, terminal) => {
    const order: Order = { kind: "stop", reason: given.text("reason") ?? "no reason was given" };
    return given.has("direct") ? stopDirect(given, terminal, order) : tellFleet(given, terminal, order);
  },
};

async function stopDirect(given: Given, { out, err, env }: Terminal, order: Order): Promise<number> {
  const cloud = openCloud(given, env);
  const fleet = given.word(0);
  const record = await knownFleet(cloud, fleet);
  const { policy } = record;
  if (!policy) throw new CliError(EXIT.failed, `fleet ${fleet} has no policy yet, so there is nothing to freeze`);
  // The word first: functions that are alive after all must not undo what is done next.
  const sent = await send(cloud, fleet, order, operator(env), err);
  const groups = await freezeFleet(cloud.compute(policy.project), record, policy);
  if (given.has("json")) out.write(`${JSON.stringify({ fleet, command: sent.object, groups })}\n`);
  else {
    for (const { group, what, failed } of groups) out.write(`${group}  ${out.paint(failed ? "red" : "green", what)}\n`);
    out.write(`The functions hold the fleet as soon as they read ${sent.object}.\n`);
  }
  if (groups.some(({ failed }) => failed))
    throw new CliError(
      EXIT.refused,
      `not every group of ${fleet} could be frozen`,
      "Say it again, or change the group with gcloud.",
    );
  return EXIT.ok;
}
