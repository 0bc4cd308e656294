import type { Image } from "../../wire/compute.d.ts";
import type { FleetRecord } from "./record.ts";
import type { Release } from "./release.ts";

/** Label of an image that must not wait: for a window, nor for the rollout before it. Its value is `true`. */
export const URGENT_LABEL = "moult-urgent";

/** A person said so when they approved or began this release, or whoever made the image did. */
export function isUrgent(record: FleetRecord, release: Release, image: Image | undefined): boolean {
  if (record.approved?.release === release.digest && record.approved.urgent) return true;
  return image?.id === release.image.id && image.labels?.[URGENT_LABEL] === "true";
}
