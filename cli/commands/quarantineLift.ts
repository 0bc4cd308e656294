import { type Command, usage } from "../args.ts";
import { openCloud } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { knownFleet } from "../fleet/order.ts";
import { ORDER_FLAGS, sendAndTell } from "../fleet/tell.ts";

export const command: Command = {
  name: "quarantine lift",
  summary: "allow a quarantined combination to be tried again",
  words: [{ name: "FLEET" }, { name: "KEY", optional: true }],
  flags: ORDER_FLAGS,
  details: `KEY is in moult quarantine list; it can be left out when there is only one. If the inputs still ask for it, its
rollout begins at once.`,
  examples: ["moult quarantine lift web web-2"],
  run: async (given, terminal) => {
    const cloud = openCloud(given, terminal.env);
    const fleet = given.word(0);
    const keys = (await knownFleet(cloud, fleet)).quarantine.map(({ key }) => key);
    const [only] = keys;
    if (only === undefined) throw new CliError(EXIT.absent, `nothing of ${fleet} is quarantined`);
    if (given.words[1] === undefined && keys.length > 1)
      throw usage(`${fleet} has ${keys.length} quarantines; name one: ${keys.join(", ")}`);
    const key = given.words[1] ?? only;
    if (!keys.includes(key))
      throw new CliError(EXIT.absent, `there is no quarantine "${key}"`, `Known are ${keys.join(", ")}.`);
    return sendAndTell(cloud, fleet, { kind: "lift", key }, given, terminal);
  },
};
