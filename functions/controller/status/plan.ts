import type { Context } from "../../core/context.ts";
import type { GroupView } from "../../core/observation.ts";
import { plan } from "../../core/plan.ts";
import type { Plan } from "../../core/planned.ts";
import type { FleetRecord } from "../../core/record.ts";
import { levelOf } from "./state.ts";

/**
 * What the release that waits would do, by the groups as they are now. The inputs were read by the functions' last look and
 * are not read again: who shows a fleet needs no right to its secrets or images. What that look found in the way is among
 * the stops. Null: nothing waits.
 */
export function planned(record: FleetRecord, groups: Record<string, GroupView>, context: Context): Plan | null {
  const { active, candidate, pending, stable, policy, reasons } = record;
  const waits = active ? pending !== null : candidate !== null && candidate.release.digest !== stable?.release.digest;
  if (!policy || !waits) return null;
  const foreseen = plan(
    record,
    { at: context.now, commands: [], groups, reports: [], gates: {}, templates: {} },
    context,
  );
  if (!foreseen) return null;
  const known = new Set(foreseen.stops.map(({ word }) => word));
  const found = active ? [] : reasons.filter(({ word }) => levelOf(word) !== "moving" && !known.has(word));
  const stops = [...foreseen.stops, ...found];
  return { ...foreseen, stops, begins: stops.length === 0 };
}
