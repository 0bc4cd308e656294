import type { InstanceGroupManager, ManagedInstance, ManagerError } from "../../wire/compute.d.ts";
import { instant } from "../core/instants.ts";
import type { ErrorView, GroupView, MachineView, Problem } from "../core/observation.ts";
import { type GroupRef, groupKey } from "../core/policy.ts";
import { lastSegment } from "../core/wanted.ts";
import type { Compute } from "../google/compute.ts";
import { autoscalerName } from "../google/groups.ts";
import { zoneOf } from "../google/listing.ts";
import { orProblem } from "./problems.ts";

/** A group as it was seen, with what the decision has no use for and the rest of the look has. */
export interface SeenGroup {
  ref: GroupRef;
  view: GroupView;
  /** Name of the group's autoscaler, whether it was read or not. */
  autoscaler?: string;
  /** Machine → its zone, which a regional group does not say by itself. */
  zones: Map<string, string>;
}

/**
 * One call for a group at rest. While something is under way its machines, and as long as machines are being made their
 * errors: three calls for a group of any size, and pages of 500. A group with an autoscaler costs one more, which it saves
 * when the group is stable: errors of making machines are then of the past.
 */
export async function readGroup(
  compute: Compute,
  ref: GroupRef,
  read: { machines: boolean; autoscaler: boolean },
): Promise<SeenGroup | Problem> {
  const found = await orProblem(`group ${groupKey(ref)}`, compute.group(ref));
  if ("problem" in found) return found;
  const autoscaler = autoscalerName(found);
  const wantsErrors = read.machines && (autoscaler === undefined || !found.status.isStable);
  const [machines, errors, scaling, zones] = await Promise.all([
    read.machines ? compute.managedInstances(ref) : [],
    wantsErrors ? compute.groupErrors(ref) : [],
    read.autoscaler && autoscaler !== undefined ? readAutoscaler(compute, ref, autoscaler) : undefined,
    countZones(compute, ref, found),
  ]);
  const view: GroupView = {
    fingerprint: found.fingerprint,
    targetSize: found.targetSize,
    versions: found.versions,
    updatePolicy: found.updatePolicy,
    stateful: found.statefulPolicy !== undefined || found.status.stateful?.hasStatefulConfig === true,
    zones,
    ...(scaling && { autoscaler: scaling }),
    checked: (found.autoHealingPolicies ?? []).some(({ healthCheck }) => healthCheck),
    machines: machines.map(machineView),
    errors: errors.map(errorView),
  };
  const places = machines.map(({ name, instance }) => [name, zoneOf(instance) ?? ref.location] as const);
  return { ref, view, ...(autoscaler !== undefined && { autoscaler }), zones: new Map(places) };
}

/** One that is gone since, or may not be read, is none that could be set. */
export async function readAutoscaler(
  compute: Compute,
  ref: GroupRef,
  name: string,
): Promise<GroupView["autoscaler"] | undefined> {
  const found = await orProblem(`autoscaler ${name}`, compute.autoscaler(ref, name));
  return "problem" in found ? undefined : { name: found.name, mode: found.autoscalingPolicy?.mode ?? "ON" };
}

async function countZones(compute: Compute, ref: GroupRef, group: InstanceGroupManager): Promise<number> {
  if (!ref.regional) return 1;
  const chosen = group.distributionPolicy?.zones?.length;
  if (chosen) return chosen;
  const region = await orProblem(`region ${ref.location}`, compute.region(ref.location));
  // Three is what Compute chooses where nothing is said.
  return ("problem" in region ? undefined : region.zones?.length) ?? 3;
}

function machineView(machine: ManagedInstance): MachineView {
  return {
    name: machine.name,
    ...(machine.id && { id: machine.id }),
    ...(machine.instanceStatus && { status: machine.instanceStatus }),
    action: machine.currentAction,
    template: lastSegment(machine.version?.instanceTemplate ?? ""),
    ...(machine.instanceHealth?.[0] && { health: machine.instanceHealth[0].detailedHealthState }),
    errors: machine.lastAttempt?.errors?.errors ?? [],
  };
}

function errorView({ error, instanceActionDetails: details, timestamp }: ManagerError): ErrorView {
  return {
    ...error,
    template: lastSegment(details?.version?.instanceTemplate ?? ""),
    machine: lastSegment(details?.instance ?? ""),
    at: instant(Date.parse(timestamp)),
  };
}
