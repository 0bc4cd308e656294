import type { Instant } from "./instants.ts";
import type { GroupView, Inputs, QuotaView } from "./observation.ts";
import { isProblem } from "./observation.ts";
import type { Policy } from "./policy.ts";
import { findings } from "./preflight.ts";
import { type Reason, reason } from "./reasons.ts";
import type { FleetRecord } from "./record.ts";
import { contains, type Release, short } from "./release.ts";
import { settling } from "./settle.ts";
import { isUrgent } from "./urgent.ts";
import { isOpen, nextOpening } from "./windows.ts";

export interface Asked {
  record: FleetRecord;
  policy: Policy;
  release: Release;
  /** Absent: what needs them is not judged. */
  inputs: Inputs | undefined;
  groups: ReadonlyMap<string, GroupView>;
  quotas: readonly QuotaView[];
  now: Instant;
}

/** Everything that keeps a release from beginning now, in the order in which it would be said. */
export function stops({ record, policy, release, inputs, groups, quotas, now }: Asked): Reason[] {
  const found: Reason[] = [];
  const { fleet } = record;
  const wanted = `${release.image.name}, release ${short(release.digest)}`;
  // The same release again, even where nothing was added that a combination could name.
  for (const entry of record.quarantine)
    if (entry.release === release.digest || contains(release, entry.inputs))
      found.push(
        reason(
          "quarantined",
          `${wanted} is quarantined since ${entry.at}: ${entry.why}. "moult quarantine lift ${fleet} ${entry.key}" allows it again`,
          { evidence: [entry.key] },
        ),
      );
  if (record.hold) {
    const { by, at, reason: why, until } = record.hold;
    found.push(
      reason("held", `held by ${by} since ${at}: ${why}. "moult unhold ${fleet}" lifts it; ${wanted} waits`, {
        ...(until && { until }),
      }),
    );
  }
  if (record.active)
    found.push(reason("pending", `${wanted} waits until ${record.active.id} has ended: a group never holds three`));
  const approved = record.approved?.release === release.digest;
  if (record.stable?.asked?.digest === release.digest && !approved) {
    const next = policy.mode === "auto" ? "The next change of an input brings them, " : "";
    found.push(
      reason(
        "adopted",
        `taken on as it is, on ${release.image.name}: its machines do not have the configuration and secrets of the fleet file yet. ${next}"moult rollout start ${fleet}" brings them now`,
      ),
    );
  }
  if (policy.mode === "observe" && !approved)
    found.push(
      reason(
        "observing",
        `${wanted} would be rolled out; the fleet file says mode: observe. "moult rollout start ${fleet}" begins it`,
      ),
    );
  if (inputs) found.push(...findings(policy, inputs, groups, quotas));
  if (policy.mode === "approve" && !approved)
    found.push(
      reason(
        "awaiting-approval",
        `${wanted} waits for a person, as mode: approve says; "moult rollout plan ${fleet}" shows what it would do, "moult rollout approve ${fleet}" lets it begin`,
      ),
    );
  const image = inputs && !isProblem(inputs.image) ? inputs.image : undefined;
  const urgent = isUrgent(record, release, image);
  if (!urgent && !isOpen(policy.windows, now)) {
    const until = nextOpening(policy.windows, now);
    const text = `${wanted} begins when the next window opens, at ${until ?? "no time the windows name"}; "moult rollout start ${fleet} --urgent" does not wait for it`;
    found.push(reason("window", text, until ? { until } : {}));
  }
  // Where a person says that it begins, they do not wait for it.
  const settles = urgent || approved || policy.mode !== "auto" ? undefined : settling(record, policy, release, now);
  if (settles) found.push(settles);
  return found;
}
