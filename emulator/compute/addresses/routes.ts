import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import { aggregatedRoute } from "../aggregated.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { sameFingerprint } from "../fingerprint.ts";
import { checkScope, REGION_SCOPES } from "../geography.ts";
import { LIST_QUERY, list } from "../listing.ts";
import { type Mutation, mutation, projectOf, read, scopeOf } from "../method.ts";
import { GLOBAL, pathOf, type Ref, scopePath } from "../names.ts";
import { renderAddress, type StoredAddress, userOf } from "./model.ts";
import { readAddress } from "./read.ts";
import type { Reservations } from "./reservations.ts";

/** Static addresses, regional and global. https://docs.cloud.google.com/compute/docs/reference/rest/v1/addresses */
export function addressRoutes(cloud: Cloud, reservations: Reservations): Route[] {
  return [
    ...scoped(cloud, reservations, "addresses", "regions/{region}"),
    ...scoped(cloud, reservations, "globalAddresses", "global"),
    all(cloud),
  ];
}

function scoped(cloud: Cloud, reservations: Reservations, service: string, where: string): Route[] {
  const collection = `/compute/v1/projects/{project}/${where}/addresses`;
  const permission = (verb: string) => `compute.${service}.${verb}`;
  const ref = (call: Call, name = call.params.address ?? ""): Ref => ({
    project: projectOf(cloud, call),
    scope: scopeOf(call),
    collection: "addresses",
    name,
  });
  const existing = (target: Ref): StoredAddress => {
    checkScope(target.project, target.scope);
    const address = cloud.addresses.get(pathOf(target));
    if (!address) throw errors.notFound(pathOf(target));
    return address;
  };
  const on = (verb: string, rest: Pick<Mutation, "method" | "path" | "apply"> & Partial<Mutation>): Route =>
    mutation(cloud, {
      id: `compute.${service}.${verb}`,
      operationType: verb,
      permission: permission(verb),
      target: (call) => ref(call),
      monitored: (target, id) => ({
        type: "gce_reserved_address",
        labels: {
          project_id: target.project,
          reserved_address_id: id,
          location: target.scope.kind === "global" ? "global" : target.scope.name,
        },
      }),
      idOf: (path) => cloud.addresses.get(path)?.id,
      ...rest,
    });
  return [
    on("insert", {
      method: "POST",
      path: collection,
      permission: permission("create"),
      body: "Address",
      coverage: "partly",
      target: (call, body) => ref(call, String(body.name ?? "")),
      apply: (body, target) => {
        const address = readAddress(cloud, reservations, body, target);
        reservations.add(address);
        return { targetId: address.id };
      },
    }),
    on("delete", {
      method: "DELETE",
      path: `${collection}/{address}`,
      apply: (_body, target) => {
        const address = existing(target);
        const user = userOf(cloud, address);
        if (user !== undefined) throw errors.inUse("address", pathOf(target), user);
        reservations.remove(address);
        return { targetId: address.id };
      },
    }),
    on("setLabels", {
      method: "POST",
      path: `${collection}/{address}/setLabels`,
      body: service === "addresses" ? "RegionSetLabelsRequest" : "GlobalSetLabelsRequest",
      repeatable: service === "addresses",
      apply: (body, target) => {
        const address = existing(target);
        if (!sameFingerprint(body.labelFingerprint, address.labelFingerprint))
          throw errors.fingerprint("Labels fingerprint either invalid or resource labels have changed");
        address.labels = (body.labels ?? {}) as Record<string, string>;
        address.labelFingerprint = cloud.world.ids.fingerprint();
        return { targetId: address.id };
      },
    }),
    read(cloud, {
      id: `compute.${service}.get`,
      path: `${collection}/{address}`,
      permission: permission("get"),
      resource: (call) => pathOf(ref(call)),
      run: (call) => renderAddress(cloud, existing(ref(call)), call.origin),
    }),
    read(cloud, {
      id: `compute.${service}.list`,
      path: collection,
      permission: permission("list"),
      query: LIST_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const { project, scope } = ref(call);
        checkScope(project, scope);
        const path = `projects/${project}/${scopePath(scope)}/addresses`;
        const own = listed(cloud, call).filter((item) => scopePath(item.scope) === scopePath(scope));
        return list(call, "compute#addressList", path, own);
      },
    }),
  ];
}

function listed(cloud: Cloud, call: Call) {
  const project = projectOf(cloud, call);
  return [...cloud.addresses.values()]
    .filter((address) => address.project === project)
    .map((address) => ({
      name: address.name,
      created: address.created,
      scope: address.scope,
      json: renderAddress(cloud, address, call.origin),
    }));
}

function all(cloud: Cloud): Route {
  return aggregatedRoute(cloud, {
    collection: "addresses",
    kind: "compute#addressAggregatedList",
    scopes: [GLOBAL, ...REGION_SCOPES],
    all: () => cloud.addresses.values(),
    render: (address, origin) => renderAddress(cloud, address, origin),
  });
}
