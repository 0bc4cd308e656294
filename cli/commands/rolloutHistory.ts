import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { entriesSince, knownFleet } from "../fleet/order.ts";
import { type PastRollout, rolloutsOf } from "../fleet/rollouts.ts";
import { span } from "../terminal/bar.ts";
import { table } from "../terminal/table.ts";
import type { Paint } from "../terminal/terminal.ts";

/** More than any rollout has that is not paused and resumed all day. */
const ENTRIES_EACH = 40;

export const command: Command = {
  name: "rollout history",
  summary: "show a fleet's rollouts, one line each, the newest last",
  words: [{ name: "FLEET" }],
  flags: { limit: { value: "N", help: "how many rollouts at most (default 10)" }, ...CLOUD_FLAGS, ...JSON_FLAG },
  details: `How each ended, how long it took, the steps that passed, and why it was put back. --json has each step and each gate's
answer with its instant. moult history has every entry, a person's words among them.`,
  examples: ["moult rollout history web", "moult rollout history web --limit 100 --json"],
  run: async (given, { out, env }) => {
    const cloud = openCloud(given, env);
    const fleet = given.word(0);
    const limit = given.whole("limit", 1, 10_000) ?? 10;
    const record = await knownFleet(cloud, fleet);
    const entries = await entriesSince(cloud, fleet, Math.max(0, record.entries - limit * ENTRIES_EACH));
    const rollouts = rolloutsOf(entries, record, Date.now()).slice(-limit);
    if (given.has("json")) out.write(`${JSON.stringify(rollouts)}\n`);
    else if (rollouts.length === 0) out.write(`no rollout of ${fleet} has begun yet\n`);
    else {
      const rows = rollouts.map((rollout) => [
        out.paint("bold", rollout.id),
        rollout.startedAt?.replace("T", " ").slice(0, 16) ?? "before",
        rollout.ms === null ? "" : span(rollout.ms),
        endingText(rollout, out.paint),
        String(rollout.steps.length),
        gatesText(rollout),
        rollout.why ?? "",
      ]);
      const head = ["ROLLOUT", "BEGAN (UTC)", "TOOK", "ENDED", "STEPS", "GATES", "WHY"];
      out.write(table(head, rows, out.paint, out.live ? out.width() : undefined));
    }
    return EXIT.ok;
  },
};

function endingText({ ending }: PastRollout, paint: Paint): string {
  if (ending === null) return paint("yellow", "under way");
  return paint(ending === "succeeded" ? "green" : ending === "rolled-back" ? "red" : "dim", ending);
}

/** `3 pass, 1 fail` */
function gatesText({ gates }: PastRollout): string {
  const answers = ["pass", "fail", "inconclusive"].map((answer) => {
    const count = gates.filter(({ text }) => text.includes(`: ${answer}: `)).length;
    return count > 0 ? [`${count} ${answer}`] : [];
  });
  return answers.flat().join(", ");
}
