import { savePolicy } from "../../functions/controller/families.ts";
import { readFamilyPolicy } from "../../functions/core/images/policy.ts";
import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { readPolicyFile } from "../fleet/file.ts";
import { familyText } from "../images/familytext.ts";

const { project, "state-bucket": stateBucket } = CLOUD_FLAGS;

export const command: Command = {
  name: "family apply",
  summary: "check a family file and make it the family's policy",
  words: [{ name: "FILE" }],
  flags: {
    check: { help: "only check the file; nothing is written" },
    project,
    "state-bucket": stateBucket,
    ...JSON_FLAG,
  },
  details: `docs/image-rotation.md has every field of a family file. Every finding is printed as file:line:column. From then on the
images of the family are rotated once a day; moult image rotate says what that will do. With rotate: {} nothing is rotated.`,
  examples: ["moult family apply web.yaml --check", "moult family apply web.yaml && moult image rotate web"],
  run: async (given, { out, env }) => {
    const file = given.word(0);
    const { document, policy } = await readPolicyFile(file, readFamilyPolicy);
    const { family } = policy;
    if (given.has("check")) {
      out.write(
        given.has("json") ? `${JSON.stringify({ family, policy })}\n` : `${file} is valid\n${familyText(policy)}`,
      );
      return EXIT.ok;
    }
    // The family file names its project; flags may still say where the state is.
    const cloud = openCloud(given, { ...env, GOOGLE_CLOUD_PROJECT: env.GOOGLE_CLOUD_PROJECT ?? policy.project });
    const changed = await savePolicy(cloud.state, policy, document);
    if (given.has("json")) out.write(`${JSON.stringify({ family, policy, changed })}\n`);
    else out.write(`${changed ? "a new policy" : "the policy it had already"}: ${familyText(policy)}`);
    return EXIT.ok;
  },
};
