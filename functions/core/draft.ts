import type { FleetRecord } from "./record.ts";
import type { Rollout } from "./rolloutrecord.ts";

/**
 * A copy to decide on; what it came from stays as it is. Fleet files and the ids of the machines seen are shared, because
 * they are replaced and never changed; what the look before said is left out, because this one says it anew.
 */
export function draftOf(record: FleetRecord): FleetRecord {
  const { policy, active, reasons: _, ...rest } = record;
  return { ...copyOf(rest), policy, reasons: [], active: active && draftOfRollout(active) };
}

function draftOfRollout({ policy, seen, ...rest }: Rollout): Rollout {
  return { ...copyOf(rest), policy, seen };
}

/** Of values as JSON has them: several times as fast as through its text. Members that are `undefined` are left out. */
function copyOf<T>(value: T): T {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) if (member !== undefined) copy[key] = copyOf(member);
  return copy as T;
}
