import { type Command, type Given, usage } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { type OpenStore, openAnywhere } from "../config/bucket.ts";
import { STORE_FLAGS } from "../config/folder.ts";
import { firstLine } from "../config/history.ts";
import { showProgress } from "../config/progress.ts";
import { findRevision, REVISION_HELP } from "../config/revision.ts";
import { planRollback, rollBack } from "../config/rollback.ts";
import { type FleetsOfRef, fleetsOf } from "../config/roots.ts";
import { Upload } from "../config/upload.ts";
import { EXIT } from "../failure.ts";
import { operator } from "../fleet/order.ts";
import type { Terminal } from "../terminal/terminal.ts";

const { project, "state-bucket": stateBucket } = CLOUD_FLAGS;

export const command: Command = {
  name: "config rollback",
  summary: "move the bucket's ref back, so that its fleets roll back their configuration",
  words: [{ name: "REF" }],
  flags: {
    to: { value: "REV", help: "go there (default: where the ref stood before)" },
    reason: { value: "TEXT", help: "why, kept with the move" },
    "dry-run": { help: "only say what would be moved, and which fleets it is news to" },
    ...STORE_FLAGS,
    project,
    "state-bucket": stateBucket,
    ...JSON_FLAG,
  },
  details: `A rollback is a rollout like any other: each fleet that uses the ref takes its steps and gates. Done twice it is undone, because the
ref then goes back to where it stood before the first. It needs no configuration folder, and leaves the folder's own ref and files alone.
${REVISION_HELP}`,
  examples: [
    "moult config rollback web/prod --dry-run",
    'moult config rollback web/prod --reason "port 80 is taken on the new image"',
    "moult config rollback web/prod --to bucket:web/prod~3",
  ],
  run: async (given, terminal) => {
    const { out, err, env } = terminal;
    const ref = given.word(0);
    const reason = readReason(given);
    const { repository, bucket, ...store } = openAnywhere(given, env);
    const to = given.text("to");
    const wanted = to === undefined ? undefined : (await findRevision(repository, to)).digest;
    const plan = await planRollback(repository, bucket, ref, wanted);
    const { seen } = plan;
    const fleets = await readFleets(given, terminal, { repository, bucket, ...store }, ref);
    const moves = seen.ref.commit !== plan.to.digest;
    const dry = given.has("dry-run");
    if (moves && !dry) {
      const progress = showProgress(err, ref);
      const upload = new Upload(repository, bucket, Date.now, progress.tell);
      const by = `${operator(env)}${reason === undefined ? "" : ` (rollback: ${reason})`}`;
      try {
        await rollBack(repository, bucket, upload, plan, { by, moved: new Date().toISOString() });
      } finally {
        progress.clear();
      }
    }
    if (given.has("json")) {
      const from = seen.ref.commit;
      out.write(
        `${JSON.stringify({ ref, from, to: plan.to.digest, moved: moves && !dry, fleets: fleets?.fleets ?? null })}\n`,
      );
      return EXIT.ok;
    }
    const head = `${bucket.place}/refs/${ref}`;
    const target = `${plan.to.digest.slice(0, 12)} "${firstLine(plan.to.commit.message)}"`;
    if (!moves) out.write(`${head} stands at ${target} already\n`);
    else out.write(`${head} ${dry ? "would go" : "went"} from ${seen.ref.commit.slice(0, 12)} to ${target}\n`);
    if (moves && fleets) out.write(fleetsText(fleets, ref));
    if (moves && !dry) out.write(`To undo it, do it again: moult config rollback ${ref}\n`);
    return EXIT.ok;
  },
};

function readReason(given: Given): string | undefined {
  const reason = given.text("reason");
  if (reason !== undefined && (reason.length > 200 || /\p{Cc}/u.test(reason)))
    throw usage("--reason is one line of at most 200 characters");
  return reason;
}

/** Undefined, and said, when they cannot be read: the ref can be moved back all the same. */
async function readFleets(
  given: Given,
  { err, env }: Terminal,
  { name, folder }: OpenStore,
  ref: string,
): Promise<FleetsOfRef | undefined> {
  try {
    const cloud = openCloud(given, {
      ...env,
      MOULT_PROJECT: env.MOULT_PROJECT ?? folder?.settings.project,
      MOULT_CONFIG_BUCKET: name,
    });
    const found = await fleetsOf(cloud, ref);
    for (const what of found.unread) err.write(`${err.paint("yellow", "not read:")} ${what}; it may use the ref too\n`);
    return found;
  } catch (problem) {
    if (!(problem instanceof Error)) throw problem;
    err.write(`${err.paint("yellow", "not read:")} which fleets use ${ref} (${problem.message})\n`);
    return undefined;
  }
}

function fleetsText({ fleets }: FleetsOfRef, ref: string): string {
  if (fleets.length === 0) return `No fleet uses ${ref}.\n`;
  return fleets.map(({ fleet, what }) => `  ${fleet} ${what}\n`).join("");
}
