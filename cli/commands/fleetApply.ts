import { loadRecord } from "../../functions/controller/records.ts";
import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { readFleetFile } from "../fleet/file.ts";
import { operator, send, taken } from "../fleet/order.ts";
import { policyText } from "../fleet/policytext.ts";
import { reasonText } from "../fleet/render.ts";

export const command: Command = {
  name: "fleet apply",
  summary: "check a fleet file and make it the fleet's policy",
  words: [{ name: "FILE" }],
  flags: {
    "no-wait": { help: "leave the command and return, without hearing what becomes of it" },
    check: { help: "only check the file; nothing is sent" },
    ...CLOUD_FLAGS,
    ...JSON_FLAG,
  },
  details: `docs/fleet.md has every field of a fleet file. Every finding is printed as file:line:column. Applying the same file
again changes nothing. A fleet that is new is taken on as it is: its machines stay until an input changes.`,
  examples: ["moult fleet apply fleet.yaml", "moult fleet apply fleet.yaml --check"],
  run: async (given, { out, err, env }) => {
    const file = given.word(0);
    const { document, policy } = await readFleetFile(file);
    if (given.has("check")) {
      out.write(
        given.has("json")
          ? `${JSON.stringify({ fleet: policy.fleet, policy })}\n`
          : `${file} is valid\n${policyText(policy)}`,
      );
      return EXIT.ok;
    }
    // The fleet file names its project; flags may still say where the state is.
    const cloud = openCloud(given, { ...env, GOOGLE_CLOUD_PROJECT: env.GOOGLE_CLOUD_PROJECT ?? policy.project });
    const sent = await send(cloud, policy.fleet, { kind: "apply", policy: document }, operator(env), err);
    if (given.has("no-wait")) {
      out.write(
        given.has("json")
          ? `${JSON.stringify({ fleet: policy.fleet, command: sent.object })}\n`
          : `sent as ${sent.object}\n`,
      );
      return EXIT.ok;
    }
    await taken(cloud, sent);
    const { record } = await loadRecord(cloud.state, policy.fleet);
    if (given.has("json")) {
      out.write(`${JSON.stringify({ fleet: policy.fleet, command: sent.object, policy, reasons: record.reasons })}\n`);
      return EXIT.ok;
    }
    out.write(
      `fleet ${out.paint("bold", policy.fleet)} has a new policy\n${policyText(policy)}\n${reasonText(record.reasons, out, Date.now())}`,
    );
    return EXIT.ok;
  },
};
