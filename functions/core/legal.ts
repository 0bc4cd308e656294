import type { GroupView } from "./observation.ts";
import { type GroupRef, groupKey, type Policy } from "./policy.ts";
import { counted, type Reason, reason } from "./reasons.ts";

const REGIONAL = "Compute takes 0 or at least one for each zone of a regional group";

/** What Compute, or a promise of moult's, refuses of the fleet file's limits in this group. */
export function limitFindings(policy: Policy, ref: GroupRef, view: GroupView): Reason[] {
  const key = groupKey(ref);
  const { replace } = policy;
  const found: Reason[] = [];
  const impossible = (text: string) => found.push(reason("policy-impossible", text));
  const inPlace = view.updatePolicy.replacementMethod === "RECREATE";

  if (view.stateful && !inPlace)
    found.push(
      reason(
        "group-stateful",
        `group ${key} is stateful, so its machines must keep their names, and it replaces them under new ones: set its replacement method to RECREATE, and replace: { above: 0, missing: 1 } in the fleet file`,
      ),
    );
  if (inPlace && replace.above > 0)
    impossible(
      `group ${key} replaces machines under their own names (RECREATE), so none can be made above its size: set replace: { above: 0, missing: ${Math.max(1, replace.missing)} } in the fleet file`,
    );
  if (ref.regional && view.zones > 1)
    // Said once: what RECREATE refuses altogether is not counted per zone as well.
    for (const [field, value] of [
      ["above", replace.above],
      ["missing", replace.missing],
      ["scarce", replace.scarce ?? 0],
    ] as const)
      if (value > 0 && value < view.zones && !(inPlace && field !== "missing"))
        impossible(
          `group ${key} is spread over ${view.zones} zones and the fleet file says replace.${field}: ${value}; ${REGIONAL}: set it to ${view.zones}${field === "scarce" ? ", or leave it out" : " or 0"}. Steps still decide how many machines become new`,
        );
  if (view.targetSize === 1 && policy.mode === "auto" && !policy.accept.singleMachine)
    found.push(
      reason(
        "single-machine",
        `group ${key} has ${counted(1, "machine")}: its canary is the whole group, so a bad release would reach everyone there. Let it grow, set mode: approve, or write accept: { singleMachine: true } in the fleet file`,
      ),
    );
  return found;
}
