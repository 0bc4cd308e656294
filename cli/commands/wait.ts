import type { FleetRecord } from "../../functions/core/record.ts";
import type { Command } from "../args.ts";
import { CLOUD_FLAGS, JSON_FLAG, openCloud } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { knownFleet } from "../fleet/order.ts";
import { until } from "../waiting.ts";

const TIMEOUT_MS = 3_600_000;

export interface Verdict {
  ok: boolean;
  text: string;
}

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
  details: `Exit code 0 when the active rollout, or without one the last, succeeded; 1 when it was put back or cancelled.`,
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
    out.write(given.has("json") ? `${JSON.stringify({ fleet, ...verdict })}\n` : `${verdict.text}\n`);
    return verdict.ok ? EXIT.ok : EXIT.failed;
  },
};

/** Undefined while there is something to wait for. */
export function verdictOf(record: FleetRecord, image: string | undefined): Verdict | undefined {
  const { active, last, stable, quarantine } = record;
  if (image !== undefined) {
    if (active) return undefined;
    if (stable?.release.image.name === image) return { ok: true, text: `${image} is stable` };
    const bad = quarantine.find(({ imageName }) => imageName === image);
    if (bad) return { ok: false, text: `${image} is quarantined: ${bad.why}` };
    if (last?.imageName === image)
      return { ok: false, text: `${last.id} to ${image} was ${last.ending}: ${last.why.text}` };
    return undefined;
  }
  if (active) return undefined;
  if (!last) return { ok: true, text: "no rollout has been necessary yet" };
  return { ok: last.ending === "succeeded", text: `${last.id} to ${last.imageName}: ${last.ending}. ${last.why.text}` };
}
