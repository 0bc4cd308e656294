import { groupKey } from "../core/policy.ts";
import type { Rollout } from "../core/rolloutrecord.ts";
import type { Compute } from "../google/compute.ts";
import type { SeenGroup } from "./groups.ts";
import { orProblem } from "./problems.ts";

/** Operations of Compute Engine's own, which take a machine away or start it again for no fault of its release. */
const OWN =
  /^compute\.instances\.(preempted|hostError|terminateOnHostMaintenance|terminateOnHostError|automaticRestart)$/;
/** Each costs a part of a filter; a look is not the only one. */
const MOST = 20;

/**
 * Instance id → what Compute Engine did to it, of new machines that stood before under the name of one that is there now.
 * Nothing is asked when there is none.
 */
export async function readInterrupted(
  compute: Compute,
  rollout: Rollout,
  groups: SeenGroup[],
): Promise<Record<string, string> | undefined> {
  const gone: { id: string; group: SeenGroup }[] = [];
  for (const group of groups) {
    for (const { name, id } of group.view.machines) {
      const before = rollout.seen[`${groupKey(group.ref)}/${name}`];
      if (before !== undefined && id !== undefined && before !== id && !rollout.failed[name])
        gone.push({ id: before, group });
    }
  }
  if (gone.length === 0) return undefined;
  const asked = gone.slice(0, MOST);
  const regional = asked.some(({ group }) => group.ref.regional);
  const zones = [...new Set(asked.map(({ group }) => group.ref.location))];
  const ids = asked.map(({ id }) => id);
  const read = regional
    ? compute.operationsOn(ids)
    : Promise.all(zones.map((zone) => compute.operationsOn(ids, zone))).then((lists) => lists.flat());
  const operations = await orProblem("operations of Compute Engine", read);
  // Not allowed to look: then a machine that was made again counts as it always did.
  if ("problem" in operations) return undefined;
  const own = operations.filter(
    ({ operationType, targetId }) => OWN.test(operationType) && ids.includes(targetId ?? ""),
  );
  return Object.fromEntries(
    own.map(({ operationType, targetId, insertTime, statusMessage }) => [
      targetId ?? "",
      `${operationType} at ${insertTime}${statusMessage ? `: ${statusMessage}` : ""}`,
    ]),
  );
}
