import { loadRecord } from "../../functions/controller/records.ts";
import type { Policy } from "../../functions/core/policy.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import { type Command, usage } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { readFleetFile } from "../fleet/file.ts";
import { foresee } from "../fleet/foreseen.ts";
import { knownFleet } from "../fleet/order.ts";
import { planText } from "../fleet/plantext.ts";

export const command: Command = {
  name: "rollout plan",
  summary: "show what a rollout would do, before it does anything",
  words: [{ name: "FLEET" }],
  flags: {
    file: { value: "FILE", help: "as if this fleet file were applied; the fleet may be one that does not exist yet" },
    ...CLOUD_FLAGS,
    ...JSON_FLAG,
  },
  details: `Everything is read with your own rights and nothing is changed; no gate is asked. The numbers are those that the functions
would ask for if the groups kept their sizes. Exit code 0 also when it would not begin now: what stops it is said, all of it.`,
  examples: [
    "moult rollout plan web",
    "moult rollout plan web --file fleet.yaml",
    "moult rollout plan web --json | jq .begins",
  ],
  run: async (given, { out, env }) => {
    const fleet = given.word(0);
    const file = given.text("file");
    let foreseen: { record: FleetRecord; policy: Policy; cloud: ReturnType<typeof openCloud> };
    if (file === undefined) {
      const cloud = openCloud(given, env);
      const record = await knownFleet(cloud, fleet);
      if (!record.policy)
        throw new CliError(
          EXIT.failed,
          `fleet ${fleet} has no fleet file, so there is nothing to plan`,
          `moult fleet apply FILE gives it one; moult rollout plan ${fleet} --file FILE shows what it would mean.`,
        );
      foreseen = { record, policy: record.policy, cloud };
    } else {
      const { policy } = await readFleetFile(file);
      if (policy.fleet !== fleet) throw usage(`${file} is the fleet file of ${policy.fleet}, not of ${fleet}`);
      const cloud = openCloud(given, { ...env, GOOGLE_CLOUD_PROJECT: env.GOOGLE_CLOUD_PROJECT ?? policy.project });
      foreseen = { record: (await loadRecord(cloud.state, fleet)).record, policy, cloud };
    }
    const plan = await foresee(foreseen.cloud, foreseen.record, foreseen.policy);
    out.write(given.has("json") ? `${JSON.stringify(plan)}\n` : planText(plan, out, Date.parse(plan.at)));
    return EXIT.ok;
  },
};
