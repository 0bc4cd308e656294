import { type Instant, msOf } from "../instants.ts";
import type { FleetRecord, PublishedImage } from "../record.ts";
import { type Release, short } from "../release.ts";
import type { Use } from "./uses.ts";

/** The images that a fleet's releases name, and those that a fleet following it could still take. */
export function usesOfFleet(record: FleetRecord, now: Instant): Use[] {
  const { fleet, stable, previous, candidate, pending, active } = record;
  const use = (what: string, { image, digest }: Release): Use => ({
    image: { id: image.id },
    by: `the ${what} release ${short(digest)} of fleet ${fleet}`,
  });
  return [
    ...(stable ? [use("stable", stable.release)] : []),
    ...(stable?.asked ? [use("asked-for", stable.asked)] : []),
    ...(active ? [use("coming", active.to), use("former", active.from.release)] : []),
    ...(candidate ? [use("candidate", candidate.release)] : []),
    ...(pending ? [use("pending", pending.release)] : []),
    ...previous.map((kept) => use("previous", kept.release)),
    ...takeable(record.published, now).map(
      ({ image }): Use => ({
        image: { id: image.id },
        by: `fleets that follow ${fleet}, which has published it`,
      }),
    ),
  ];
}

/**
 * Of what a fleet has published, what a follower can take, whatever its soak time: an image that was stable for longer than every
 * newer one. And the newest two, of which the older is what followers take when the newer is withdrawn.
 */
export function takeable(published: readonly PublishedImage[], now: Instant): PublishedImage[] {
  const newestFirst = [...published].sort((a, b) => (a.since < b.since ? 1 : a.since > b.since ? -1 : 0));
  // The last word about an image counts, also for what it had earned before.
  const last = new Map(newestFirst.toReversed().map((entry) => [entry.image.id, entry]));
  const good = newestFirst.filter(({ image, withdrawn }) => !withdrawn && !last.get(image.id)?.withdrawn);
  let longest = Number.NEGATIVE_INFINITY;
  return good.filter(({ since, until = now }, i) => {
    const stableMs = msOf(until) - msOf(since);
    // Written so that times that cannot be read keep it.
    const kept = i < 2 || !(stableMs <= longest);
    longest = Math.max(longest, Number.isNaN(stableMs) ? longest : stableMs);
    return kept;
  });
}
