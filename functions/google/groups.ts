import type { InstanceGroupManager, ManagedInstance, ManagerError, Operation } from "../../wire/compute.d.ts";
import type { AutoscalerMode } from "../core/rolloutrecord.ts";
import { lastSegment, listAll, orUndefined } from "./listing.ts";
import type { Rest } from "./rest.ts";

/** Where a group is: `location` is a zone, or a region when it is regional. */
export interface GroupPlace {
  location: string;
  regional: boolean;
  name: string;
}

/** https://cloud.google.com/compute/docs/reference/rest/v1/autoscalers, as much as moult reads */
export interface Autoscaler {
  name: string;
  target: string;
  autoscalingPolicy?: { mode?: AutoscalerMode };
}

/** Answer of `backendServices.getHealth` for one group. */
export interface BackendHealth {
  healthStatus?: { instance?: string; healthState?: string; ipAddress?: string; port?: number }[];
}

/** Managed instance groups, zonal and regional, with what belongs to them. */
export interface Groups {
  group(place: GroupPlace): Promise<InstanceGroupManager | undefined>;
  /** JSON merge patch. Done when the change is accepted, not when machines have changed. */
  patchGroup(place: GroupPlace, patch: Partial<InstanceGroupManager>, requestId: string): Promise<void>;
  managedInstances(place: GroupPlace): Promise<ManagedInstance[]>;
  groupErrors(place: GroupPlace): Promise<ManagerError[]>;
  /** In the group's own zone or region. */
  autoscaler(place: GroupPlace, name: string): Promise<Autoscaler | undefined>;
  setAutoscalerMode(place: GroupPlace, name: string, mode: AutoscalerMode, requestId: string): Promise<void>;
  /** What a load balancer's backend service says of the group's machines. Region null: a global one. */
  backendHealth(backend: string, region: string | null, place: GroupPlace): Promise<BackendHealth | undefined>;
}

export function makeGroups(rest: Rest, home: string, waitFor: (operation: Operation) => Promise<void>): Groups {
  const scope = ({ location, regional }: GroupPlace) =>
    `projects/${home}/${regional ? "regions" : "zones"}/${location}`;
  const manager = (place: GroupPlace) => `${scope(place)}/instanceGroupManagers/${place.name}`;

  return {
    group: (place) => orUndefined(rest.get(manager(place))),
    patchGroup: async (place, patch, requestId) =>
      waitFor(await rest.send<Operation>("PATCH", manager(place), patch, { requestId })),
    managedInstances: (place) =>
      listAll<ManagedInstance>(rest, `${manager(place)}/listManagedInstances`, {
        verb: "POST",
        member: "managedInstances",
      }),
    groupErrors: (place) => listAll<ManagerError>(rest, `${manager(place)}/listErrors`),
    autoscaler: (place, name) => orUndefined(rest.get(`${scope(place)}/autoscalers/${name}`)),
    // Named in the query, not in the path, and only what is sent is changed.
    setAutoscalerMode: async (place, name, mode, requestId) =>
      waitFor(
        await rest.send<Operation>(
          "PATCH",
          `${scope(place)}/autoscalers`,
          { autoscalingPolicy: { mode } },
          { autoscaler: name, requestId },
        ),
      ),
    backendHealth: (backend, region, place) => {
      const where = region === null ? "global" : `regions/${region}`;
      return orUndefined(
        rest.send<BackendHealth>("POST", `projects/${home}/${where}/backendServices/${backend}/getHealth`, {
          group: `${scope(place)}/instanceGroups/${place.name}`,
        }),
      );
    },
  };
}

/** Name of the autoscaler of a group that has one. */
export function autoscalerName(group: Pick<InstanceGroupManager, "status">): string | undefined {
  return group.status?.autoscaler === undefined ? undefined : lastSegment(group.status.autoscaler);
}
