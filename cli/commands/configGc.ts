import type { Cloud } from "../../functions/controller/cloud.ts";
import { type Command, type Given, usage } from "../args.ts";
import { CLOUD_FLAGS, cloudOf, JSON_FLAG, projectOf } from "../cloud.ts";
import { openAnywhere, openBoth } from "../config/bucket.ts";
import { STORE_FLAGS } from "../config/folder.ts";
import { planGc, removeGarbage, storeTime } from "../config/gc.ts";
import { gcDocument, gcText } from "../config/gctext.ts";
import { knownInstallations, rememberInstallations } from "../config/installations.ts";
import type { Objects } from "../config/objects.ts";
import { readRoots } from "../config/roots.ts";
import { EXIT } from "../failure.ts";
import { operator } from "../fleet/order.ts";

const { project, "state-bucket": stateBucket } = CLOUD_FLAGS;
const KEEP = 50;
const OLDER_MS = 90 * 86_400_000;

export const command: Command = {
  name: "config gc",
  summary: "find what nothing needs any more in the bucket, and remove it",
  words: [],
  flags: {
    delete: { help: "remove it; without this nothing is changed" },
    keep: { value: "N", help: `keep the newest N commits of each ref (default ${KEEP})` },
    older: { value: "D", help: "and before these all up to the first that is older than this (default 90d)" },
    local: { help: "the folder's own store in place of the bucket" },
    also: {
      value: "P",
      many: true,
      help: "another project whose fleets use the bucket, or P/STATE-BUCKET; remembered",
    },
    "no-fleets": { help: "no fleet anywhere uses the bucket: only its refs count" },
    ...STORE_FLAGS,
    project,
    "state-bucket": stateBucket,
    ...JSON_FLAG,
  },
  details: `Kept is what a ref stands at or stood at, its past, what a fleet's releases, a template or a living machine names, and what is younger
than a day. When something of this cannot be read, everything is kept and the exit code is 3. Each commit that stays is printed with
what needs it, and each object that goes with why nothing does. docs/config-store.md has the proof.`,
  examples: ["moult config gc", "moult config gc --delete --keep 20 --older 30d", "moult config gc --local --delete"],
  run: async (given, { out, err, env }) => {
    const rules = {
      keep: given.whole("keep", 1, 1_000_000) ?? KEEP,
      olderMs: given.duration("older") ?? OLDER_MS,
    };
    const local = given.has("local");
    const store = local ? openBoth(given, env) : openAnywhere(given, env);
    const objects = local ? store.repository.local : store.bucket;
    const removes = given.has("delete");
    // A folder's times are this computer's own.
    const now = removes && !local ? await storeTime(objects, operator(env)) : Date.now();
    const installations = local
      ? []
      : await installationsOf(given, env, objects, store.name, store.folder?.settings.project);
    if (removes) await rememberInstallations(objects, installations);
    const plan = await planGc(objects, () => readRoots(installations), { ...rules, now });
    let stayed: string[] = [];
    let done = 0;
    if (removes) {
      const left = await removeGarbage(objects, plan.remove, () => {
        done++;
        if (err.live) err.write(`\r${done} of ${plan.remove.length} removed`);
      });
      if (err.live && done > 0) err.write("\r\u001b[0K");
      stayed = left.map(({ name }) => name);
    }
    const outcome = { place: objects.place, removes, stayed, ...plan };
    out.write(given.has("json") ? `${JSON.stringify(gcDocument(outcome))}\n` : gcText(outcome, out.paint));
    return plan.unread.length > 0 ? EXIT.refused : EXIT.ok;
  },
};

async function installationsOf(
  given: Given,
  env: Record<string, string | undefined>,
  objects: Objects,
  bucket: string,
  folderProject: string | undefined,
): Promise<Cloud[]> {
  if (given.has("no-fleets")) {
    const known = await knownInstallations(objects);
    if (known.length > 0)
      throw usage(
        `--no-fleets, but ${known.map((each) => each.project).join(", ")} use this bucket`,
        `They are remembered as objects below ${objects.place}/installations/; remove those that are gone.`,
      );
    return [];
  }
  const own = projectOf(given, { ...env, MOULT_PROJECT: env.MOULT_PROJECT ?? folderProject });
  const wanted = [
    { project: own, state: given.text("state-bucket") ?? env.MOULT_STATE_BUCKET ?? `${own}-moult-state` },
    ...given.list("also").map((text) => {
      if (!/^[a-z][a-z0-9:.-]+(\/[a-z0-9][a-z0-9._-]+)?$/.test(text))
        throw usage(`--also names a project, or PROJECT/STATE-BUCKET, not "${text}"`);
      const [name = "", state] = text.split("/");
      return { project: name, state: state ?? `${name}-moult-state` };
    }),
    ...(await knownInstallations(objects)),
  ];
  const unique = new Map(wanted.map((each) => [`${each.project}/${each.state}`, each]));
  return [...unique.values()].map((each) => {
    const place = { ...env, MOULT_PROJECT: each.project, MOULT_STATE_BUCKET: each.state, MOULT_CONFIG_BUCKET: bucket };
    return cloudOf(place);
  });
}
