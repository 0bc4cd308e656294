import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { instanceOf } from "../groups/model.ts";
import { instancePath, type StoredInstance } from "../instances/model.ts";
import type { Json } from "../schema/check.ts";
import { endpoints, managedGroup, type StoredBackendService, servicePath, servingPort } from "./model.ts";

/** What the last probes say of each machine of one backend; one that was not probed often enough yet is unhealthy. */
export function groupHealth(
  cloud: Cloud,
  service: StoredBackendService,
  instanceGroup: string,
  to: (path: string) => string,
): Json {
  if (!service.backends.some(({ group }) => group === instanceGroup))
    throw errors.value(
      "resource.group",
      to(instanceGroup),
      `The instance group is not a backend of '${servicePath(service)}'.`,
    );
  const group = managedGroup(cloud, instanceGroup);
  const machines = group && service.healthCheck !== undefined ? endpoints(cloud, group) : [];
  const healthStatus = machines
    .map(({ instance }) => ({
      healthState: service.health[instance.id]?.healthy ? "HEALTHY" : "UNHEALTHY",
      instance: to(instancePath(instance)),
      ipAddress: instance.ip,
      port: servingPort(service, group?.namedPorts),
    }))
    .sort((a, b) => (a.instance < b.instance ? -1 : 1));
  return { kind: "compute#backendServiceGroupHealth", ...(healthStatus.length > 0 && { healthStatus }) };
}

/**
 * The emulator's own route that says where a load balancer would send new connections now, and which machines are only
 * kept for the connections they have: for a proxy in front of process machines.
 */
export function servingRoute(cloud: Cloud): Route {
  return {
    id: "emulator.backends.list",
    method: "GET",
    path: "/emulator/backends",
    run: () => ({ json: { backendServices: [...cloud.backendServices.values()].map((one) => serving(cloud, one)) } }),
  };
}

function serving(cloud: Cloud, service: StoredBackendService): Json {
  const groups = service.backends.flatMap(({ group, settings }) => {
    const managed = managedGroup(cloud, group);
    return managed ? [{ managed, share: Number(settings.capacityScaler ?? 1) }] : [];
  });
  const shown = (instance: StoredInstance, port: number) => ({
    instance: instancePath(instance),
    ipAddress: instance.ip,
    port,
  });
  return {
    name: servicePath(service),
    serving: groups.flatMap(({ managed, share }) =>
      // A backend whose capacity is nothing is drained as a whole.
      share === 0
        ? []
        : endpoints(cloud, managed)
            .filter(
              ({ instance }) => service.healthCheck === undefined || service.health[instance.id]?.healthy === true,
            )
            .map(({ instance }) => shown(instance, servingPort(service, managed.namedPorts))),
    ),
    draining: groups.flatMap(({ managed }) =>
      [...managed.members.values()].flatMap((member) => {
        const instance = member.drainingUntil === undefined ? undefined : instanceOf(cloud, managed, member);
        return instance ? [shown(instance, servingPort(service, managed.namedPorts))] : [];
      }),
    ),
  };
}
