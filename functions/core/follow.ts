import { type Instant, later, msOf } from "./instants.ts";
import type { PublishedImage } from "./record.ts";

export interface Followed {
  /** The image that may be taken now; null: none has been stable there for long enough. */
  taken: PublishedImage | null;
  /** A newer one that is stable there now and may be taken at `until`, if it stays so. */
  soaking: { entry: PublishedImage; until: Instant } | null;
}

/**
 * Which image of those another fleet has published may be taken: the newest that was stable there, without a break, for
 * the soak time and was not withdrawn since. An image that came back counts anew from its return; what it earned before
 * holds unless its last word was a withdrawal.
 */
export function followedImage(published: readonly PublishedImage[], soakMs: number, now: Instant): Followed {
  const seen = new Map<string, PublishedImage>();
  // Another installation wrote the list: neither its order nor its times are relied upon.
  const newestFirst = published
    .filter(({ since }) => !Number.isNaN(msOf(since)))
    .sort((a, b) => msOf(b.since) - msOf(a.since));
  for (const entry of newestFirst) if (!seen.has(entry.image.id)) seen.set(entry.image.id, entry);
  const good = newestFirst.filter((entry) => !entry.withdrawn && !seen.get(entry.image.id)?.withdrawn);
  const taken = good.find((entry) => stableMs(entry, now) >= soakMs) ?? null;
  const [newest] = good;
  if (!newest || newest.until || newest.image.id === taken?.image.id) return { taken, soaking: null };
  return { taken, soaking: { entry: newest, until: later(newest.since, soakMs) } };
}

/** Negative while the other installation's clock is ahead of ours. */
function stableMs({ since, until }: PublishedImage, now: Instant): number {
  const end = until === undefined ? msOf(now) : Math.min(msOf(until), msOf(now));
  return end - msOf(since);
}
