import { type Command, usage } from "../args.ts";
import { openCloud } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { knownFleet } from "../fleet/order.ts";
import { ORDER_FLAGS, sendAndTell } from "../fleet/tell.ts";

export const command: Command = {
  name: "fleet release",
  summary: "give a fleet's groups back; moult does nothing to them any more",
  words: [{ name: "FLEET" }],
  flags: { yes: { help: "do not ask for the fleet's name to be typed again" }, ...ORDER_FLAGS },
  details: `The groups keep the machines and the templates they run; moult is not needed for them. The fleet file, the stable
release, quarantines and a hold are forgotten; history stays. Refused (exit code 1) while a rollout has changed a group: let it end,
or abort it, first. moult fleet apply takes the groups on again, as they are then.`,
  examples: ["moult fleet release web", "moult fleet release web --yes"],
  run: async (given, terminal) => {
    const cloud = openCloud(given, terminal.env);
    const fleet = given.word(0);
    const { policy, stable } = await knownFleet(cloud, fleet);
    if (!policy && !stable)
      throw new CliError(EXIT.failed, `fleet ${fleet} has no fleet file, so moult has no groups to give back`);
    if (!given.has("yes")) {
      if (!terminal.ask)
        throw usage(`nobody is here to type the fleet's name again; say it with moult fleet release ${fleet} --yes`);
      const groups = policy?.groups.length ?? 0;
      const answer = await terminal.ask(
        `moult will forget fleet ${fleet} and leave its ${groups === 1 ? "group" : `${groups} groups`} as found.\nType the fleet's name to go on: `,
      );
      if (answer !== fleet)
        throw new CliError(EXIT.failed, `"${answer}" is not ${fleet}: nothing was sent, the fleet stays as it is`);
    }
    return sendAndTell(cloud, fleet, { kind: "release" }, given, terminal);
  },
};
