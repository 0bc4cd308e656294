import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { knownFleet } from "../fleet/order.ts";
import { exitOf, verdictOf } from "../fleet/verdict.ts";
import { until } from "../waiting.ts";

const TIMEOUT_MS = 3_600_000;

export const command: Command = {
  name: "wait",
  summary: "wait for a rollout to end, and exit with its verdict",
  words: [{ name: "FLEET" }],
  flags: {
    image: { value: "NAME", help: "wait until this image is stable, even if its rollout has not begun yet" },
    timeout: { value: "DURATION", help: "give up after this long, with exit code 5 (default 1h)" },
    ...CLOUD_FLAGS,
    ...JSON_FLAG,
  },
  details: `Exit code 0 when the rollout under way, or without one the last, succeeded, or the fleet runs what its inputs ask for;
1 when it was put back or cancelled; 4 when there is no such fleet; 5 when neither was so within the time; 6 when it does not go on
without a person: paused, held, quarantined, waiting for an approval, or stopped by something to be repaired. A window, a budget or a
soak time passes by itself and is waited for. Right after a new image say --image, because the fleet may not have heard of it yet.`,
  examples: ["moult wait web --timeout 20m", "moult image create web-v3 … && moult wait web --image web-v3"],
  run: async (given, { out, env }) => {
    const cloud = openCloud(given, env);
    const fleet = given.word(0);
    const image = given.text("image");
    const verdict = await until(
      image === undefined ? `the rollout of ${fleet} to end` : `image ${image} to be stable in ${fleet}`,
      async () => verdictOf(await knownFleet(cloud, fleet), image),
      {
        withinMs: given.duration("timeout") ?? TIMEOUT_MS,
        everyMs: 1_000,
        explain: async () =>
          (await knownFleet(cloud, fleet)).reasons.map(({ word, text }) => `${word}: ${text}`).join("\n"),
      },
    );
    const exit = exitOf(verdict);
    out.write(given.has("json") ? `${JSON.stringify({ fleet, ok: exit === 0, ...verdict })}\n` : `${verdict.text}\n`);
    return exit;
  },
};
