import { sameValue } from "./canonical.ts";
import { earliest, formatDuration, type Instant, later } from "./instants.ts";
import type { Policy } from "./policy.ts";
import { type Reason, reason } from "./reasons.ts";
import type { FleetRecord } from "./record.ts";
import { type Release, short } from "./release.ts";
import type { Turn } from "./turn.ts";

/** Who changes something again and again has waited for so many times `settle` at the most. */
const LONGEST = 5;

/** Writes down what the inputs ask for, and since when it is followed by nothing else. */
export function noteCandidate({ record, context }: Turn, policy: Policy, release: Release): void {
  const { candidate, stable } = record;
  if (candidate?.release.digest === release.digest) return;
  const closely =
    candidate &&
    candidate.release.digest !== stable?.release.digest &&
    context.now <= later(candidate.since, policy.settleMs);
  record.candidate = {
    release,
    since: context.now,
    ...(closely && { first: candidate.first ?? candidate.since }),
  };
}

/**
 * Secrets are often rotated one after the other. A candidate whose secrets are not those of the stable release begins when
 * it has not changed for a while, so that several changes make one rollout.
 */
export function settling(record: FleetRecord, policy: Policy, release: Release, now: Instant): Reason | undefined {
  const { stable, candidate, fleet } = record;
  const { settleMs } = policy;
  if (!stable || sameValue((stable.asked ?? stable.release).secrets, release.secrets)) return undefined;
  const known = candidate?.release.digest === release.digest ? candidate : undefined;
  const since = known?.since ?? now;
  const until = earliest(later(since, settleMs), later(known?.first ?? since, LONGEST * settleMs));
  if (until === undefined || now >= until) return undefined;
  const text = `${release.image.name}, release ${short(release.digest)}, has other secrets since ${since} and begins when nothing changes for ${formatDuration(settleMs)} (settle), at ${until}; "moult rollout start ${fleet}" does not wait for it`;
  return reason("settling", text, { until });
}
