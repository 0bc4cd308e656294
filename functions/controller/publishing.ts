import type { FleetRecord, PublishedImage } from "../core/record.ts";
import { isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";
import { paths } from "./records.ts";

/** Others read it without a right to anything else. Written only when it says something new. */
export async function publish(cloud: Cloud, fleet: string, images: PublishedImage[]): Promise<void> {
  const name = paths.published(fleet);
  const stored = await cloud.state.read(name);
  const text = JSON.stringify({ schema: 1, fleet, images }, null, 1);
  if (stored?.text !== text) await cloud.state.write(name, text, stored?.generation ?? "0");
}

/**
 * Whoever saved the record and died before the effect left followers with an old word, perhaps with an image that was taken
 * back since: a whole look at a fleet at rest compares.
 */
export async function mendPublished(cloud: Cloud, { fleet, active, published }: FleetRecord): Promise<void> {
  if (active || published.length === 0) return;
  try {
    await publish(cloud, fleet, published);
  } catch (problem) {
    if (!isFailure(problem) || problem.kind === "unavailable") throw problem;
    if (problem.kind === "conflict") return;
    cloud.log("WARNING", `what ${fleet} has published cannot be written: ${problem.message}`, {
      word: problem.kind,
      fleet,
    });
  }
}
