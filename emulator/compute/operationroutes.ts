import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { Audited } from "./audit.ts";
import type { Cloud } from "./cloud.ts";
import { errors } from "./errors.ts";
import { checkScope, REGION_SCOPES, ZONE_SCOPES } from "./geography.ts";
import { AGGREGATED_QUERY, aggregated, LIST_QUERY, list } from "./listing.ts";
import { projectOf, read, scopeOf } from "./method.ts";
import { GLOBAL, scopePath } from "./names.ts";
import { renderOperation, type StoredOperation } from "./operations.ts";

export function operationRoutes(cloud: Cloud): Route[] {
  return [
    ...scoped(cloud, "globalOperations", "global"),
    ...scoped(cloud, "zoneOperations", "zones/{zone}"),
    ...scoped(cloud, "regionOperations", "regions/{region}"),
    read(cloud, {
      id: "compute.globalOperations.aggregatedList",
      path: "/compute/v1/projects/{project}/aggregated/operations",
      permission: "compute.globalOperations.list",
      query: AGGREGATED_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const project = projectOf(cloud, call);
        const own = [...cloud.operations.all.values()].filter((operation) => operation.project === project);
        return aggregated(call, {
          kind: "compute#operationAggregatedList",
          project,
          collection: "operations",
          scopes: [GLOBAL, ...ZONE_SCOPES, ...REGION_SCOPES],
          all: own.map((operation) => ({
            name: operation.name,
            created: operation.inserted,
            scope: operation.scope,
            json: renderOperation(operation, call.origin),
          })),
        });
      },
    }),
  ];
}

function scoped(cloud: Cloud, service: string, where: string): Route[] {
  const collection = `/compute/v1/projects/{project}/${where}/operations`;
  const one = `${collection}/{operation}`;
  const path = (call: Call) => `projects/${projectOf(cloud, call)}/${scopePath(scopeOf(call))}/operations`;
  const resource = (call: Call) => `${path(call)}/${call.params.operation ?? ""}`;
  /** By name or by numeric id. */
  const existing = (call: Call): StoredOperation => {
    checkScope(projectOf(cloud, call), scopeOf(call));
    const key = resource(call);
    const found =
      cloud.operations.all.get(key) ??
      (/^\d+$/.test(call.params.operation ?? "")
        ? [...cloud.operations.all].find(
            ([k, o]) => k.startsWith(`${path(call)}/`) && o.id === call.params.operation,
          )?.[1]
        : undefined);
    if (!found) throw errors.notFound(key);
    return found;
  };
  return [
    read(cloud, {
      id: `compute.${service}.get`,
      path: one,
      permission: `compute.${service}.get`,
      resource,
      run: (call) => renderOperation(existing(call), call.origin),
    }),
    read(cloud, {
      id: `compute.${service}.wait`,
      method: "POST",
      path: `${one}/wait`,
      permission: `compute.${service}.get`,
      resource,
      run: async (call) => {
        const operation = existing(call);
        await cloud.operations.wait(operation);
        return renderOperation(operation, call.origin);
      },
    }),
    read(cloud, {
      id: `compute.${service}.list`,
      path: collection,
      permission: `compute.${service}.list`,
      query: LIST_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        checkScope(projectOf(cloud, call), scopeOf(call));
        const items = [...cloud.operations.all].flatMap(([key, operation]) =>
          key.startsWith(`${path(call)}/`)
            ? [{ name: operation.name, created: operation.inserted, json: renderOperation(operation, call.origin) }]
            : [],
        );
        return list(call, "compute#operationList", path(call), items);
      },
    }),
    {
      id: `compute.${service}.delete`,
      method: "DELETE",
      path: one,
      run: (call) => {
        const principal = cloud.world.doors.principal(call.headers);
        const permission = `compute.${service}.delete`;
        const scope = scopeOf(call);
        const location = scope.kind === "global" ? "global" : scope.name;
        const audited: Audited = {
          project: projectOf(cloud, call),
          method: `compute.${service}.delete`,
          resource: { type: "gce_operation", labels: { project_id: projectOf(cloud, call), location } },
          path: resource(call),
          principal,
          callerIp: "127.0.0.1",
          ...(call.headers["user-agent"] && { userAgent: call.headers["user-agent"] }),
          permissions: [{ permission }],
          request: {},
          locations: [location],
        };
        cloud.audit.around(audited, () => {
          if (!cloud.world.doors.allowed(principal, permission, resource(call)))
            throw errors.forbidden(permission, resource(call));
          const operation = existing(call);
          cloud.operations.all.delete(`${path(call)}/${operation.name}`);
        });
        cloud.world.changed();
        return { status: 204 };
      },
    },
  ];
}
