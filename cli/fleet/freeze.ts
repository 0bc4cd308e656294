import { randomUUID } from "node:crypto";
import { type GroupRef, groupKey, type Policy } from "../../functions/core/policy.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import type { RolloutGroup } from "../../functions/core/rolloutrecord.ts";
import { lastSegment, ownedText, pausedAs, sendable, sendablePolicy } from "../../functions/core/wanted.ts";
import type { Compute } from "../../functions/google/compute.ts";
import { isFailure } from "../../functions/google/failure.ts";
import type { InstanceGroupManager, ManagedInstance, UpdatePolicy } from "../../wire/compute.d.ts";

type Change = Pick<InstanceGroupManager, "versions" | "updatePolicy">;

export interface Frozen {
  group: string;
  what: string;
  failed?: true;
}

const LEAVING = new Set(["DELETING", "ABANDONING"]);

/**
 * What stops all replacing in a group and leaves its machines as they are: updates become OPPORTUNISTIC, what was there before
 * takes whatever is added, and the new version stays at what is there. The same as the control plane's own pause, so
 * that it finds its own work when it is back.
 */
export function frozen(
  group: Pick<InstanceGroupManager, "versions" | "updatePolicy" | "targetSize">,
  machines: readonly Pick<ManagedInstance, "version" | "currentAction">[],
  rolled: RolloutGroup | undefined,
  policy: Policy,
): Change {
  if (!rolled?.intent) {
    const updatePolicy: UpdatePolicy = { ...sendablePolicy(group.updatePolicy), type: "OPPORTUNISTIC" };
    return { versions: sendable(group.versions), updatePolicy };
  }
  const fresh = machines.filter(
    ({ version, currentAction }) =>
      lastSegment(version?.instanceTemplate ?? "") === rolled.template && !LEAVING.has(currentAction),
  ).length;
  return pausedAs(rolled, policy, group.targetSize, fresh);
}

/** Looks anew when the group changed meanwhile: functions that are alive may be pausing it at this moment. */
const ATTEMPTS = 5;

/** Freezes every group of the fleet with the caller's own rights. One that fails does not keep the others from being frozen. */
export async function freezeFleet(compute: Compute, record: FleetRecord, policy: Policy): Promise<Frozen[]> {
  // A rollout keeps the fleet file it began with.
  const rolling = record.active?.policy ?? policy;
  return Promise.all(
    rolling.groups.map(async (ref): Promise<Frozen> => {
      const key = groupKey(ref);
      for (let attempt = 1; ; attempt++) {
        try {
          const what = await freezeGroup(compute, ref, record.active?.groups[key], rolling);
          return { group: key, what };
        } catch (problem) {
          if (isFailure(problem, "conflict") && attempt < ATTEMPTS) continue;
          return { group: key, what: (problem as Error).message, failed: true };
        }
      }
    }),
  );
}

async function freezeGroup(
  compute: Compute,
  ref: GroupRef,
  rolled: RolloutGroup | undefined,
  policy: Policy,
): Promise<string> {
  const [group, machines] = await Promise.all([compute.group(ref), compute.managedInstances(ref)]);
  if (!group) return "there is no such group";
  const change = frozen(group, machines, rolled, policy);
  if (ownedText(change) === ownedText(group)) return "was frozen already";
  await compute.patchGroup(ref, { fingerprint: group.fingerprint, ...change }, randomUUID());
  return `frozen: ${machines.length} machines stay as they are`;
}
