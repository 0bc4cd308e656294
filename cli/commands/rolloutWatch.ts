import { instant } from "../../functions/core/instants.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { CliError, EXIT } from "../failure.ts";
import { knownFleet } from "../fleet/order.ts";
import { endOfWatch, exitOf } from "../fleet/verdict.ts";
import { readBusy, readGroups, viewOf } from "../fleet/view.ts";
import { type Progress, progressLine, progressOf, sameProgress, watchLines } from "../fleet/watchtext.ts";
import { span } from "../terminal/bar.ts";
import { Live } from "../terminal/live.ts";
import { sleep } from "../waiting.ts";

/** A picture is looked at; whoever reads lines does not need each second. */
const LIVE_MS = 1_000;
const LINES_MS = 2_000;

export const command: Command = {
  name: "rollout watch",
  summary: "follow the rollout under way to its end, machine by machine",
  words: [{ name: "FLEET" }],
  flags: {
    timeout: { value: "DURATION", help: "give up after this long, with exit code 5 (default: never)" },
    ...CLOUD_FLAGS,
    ...JSON_FLAG,
  },
  details: `A picture in a terminal, else one line a change, with --json one object a change and the verdict last. It only looks:
Ctrl-C leaves the rollout alone. It ends with the rollout, with moult wait's exit codes; while it is paused it goes on watching. Without a
rollout under way it waits for one that may begin by itself, and otherwise ends at once.`,
  examples: [
    "moult rollout watch web",
    "moult rollout start web && moult rollout watch web",
    "moult rollout watch web --json",
  ],
  run: async (given, { out, env }) => {
    const cloud = openCloud(given, env);
    const fleet = given.word(0);
    const timeout = given.duration("timeout");
    const json = given.has("json");
    const live = out.live && !json ? new Live(out) : undefined;
    const end = Date.now() + (timeout ?? Number.POSITIVE_INFINITY);
    let watched: string | undefined;
    let told: Progress | undefined;
    for (;;) {
      const record: FleetRecord = await knownFleet(cloud, fleet);
      const verdict = endOfWatch(record, watched);
      const [groups, busy] = await Promise.all([readGroups(cloud, record), readBusy(cloud, fleet)]);
      const now = Date.now();
      const view = viewOf(record, groups, busy, instant(now));
      const progress = progressOf(view);
      if (live) live.draw(watchLines(view, out, now));
      else if (!told || !sameProgress(told, progress)) {
        out.write(
          `${json ? JSON.stringify({ at: instant(now), ...progress }) : progressLine(progress, instant(now))}\n`,
        );
        told = progress;
      }
      if (verdict) {
        const exit = exitOf(verdict);
        out.write(json ? `${JSON.stringify({ fleet, ok: exit === 0, ...verdict })}\n` : `${verdict.text}\n`);
        return exit;
      }
      watched = record.active?.id ?? watched;
      if (now >= end)
        throw new CliError(
          EXIT.late,
          `watched ${span(timeout ?? 0)} and ${watched ?? "no rollout"} has not ended`,
          record.reasons.map(({ word, text }) => `${word}: ${text}`).join("\n"),
        );
      await sleep(Math.min(live ? LIVE_MS : LINES_MS, Math.max(1, end - now)));
    }
  },
};
