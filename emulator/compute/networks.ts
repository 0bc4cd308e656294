import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { Cloud } from "./cloud.ts";
import { errors } from "./errors.ts";
import { checkRegion, REGION_SCOPES, REGIONS } from "./geography.ts";
import { AGGREGATED_QUERY, aggregated, LIST_QUERY, list } from "./listing.ts";
import { projectOf, read } from "./method.ts";
import { link } from "./names.ts";

/**
 * The network that every project begins with, with a subnetwork in each region. There is no other, and nothing changes it:
 * machines reach one another here whatever a network would say.
 */
const DEFAULT = "default";
const BORN = "1969-12-31T16:00:00.000-08:00";

/** Of each region its own /20, as in a network of automatic mode. https://cloud.google.com/vpc/docs/subnets#ip-ranges */
const rangeOf = (region: string) => `10.${128 + REGIONS.indexOf(region)}.0.0/20`;
const gatewayOf = (region: string) => rangeOf(region).replace("0/20", "1");

const subnetPath = (project: string, region: string) => `projects/${project}/regions/${region}/subnetworks/${DEFAULT}`;
const networkPath = (project: string) => `projects/${project}/global/networks/${DEFAULT}`;

function network(origin: string, project: string): Record<string, unknown> {
  return {
    kind: "compute#network",
    id: "3000",
    creationTimestamp: BORN,
    name: DEFAULT,
    description: "Default network for the project",
    autoCreateSubnetworks: true,
    mtu: 1460,
    routingConfig: { routingMode: "REGIONAL" },
    networkFirewallPolicyEnforcementOrder: "AFTER_CLASSIC_FIREWALL",
    subnetworks: REGIONS.map((region) => link(origin, subnetPath(project, region))),
    selfLink: link(origin, networkPath(project)),
  };
}

function subnetwork(origin: string, project: string, region: string): Record<string, unknown> {
  return {
    kind: "compute#subnetwork",
    id: String(3001 + REGIONS.indexOf(region)),
    creationTimestamp: BORN,
    name: DEFAULT,
    network: link(origin, networkPath(project)),
    ipCidrRange: rangeOf(region),
    gatewayAddress: gatewayOf(region),
    region: link(origin, `projects/${project}/regions/${region}`),
    privateIpGoogleAccess: false,
    purpose: "PRIVATE",
    stackType: "IPV4_ONLY",
    selfLink: link(origin, subnetPath(project, region)),
  };
}

export function networkRoutes(cloud: Cloud): Route[] {
  const base = "/compute/v1/projects/{project}";
  const resource = (call: Call) => `projects/${projectOf(cloud, call)}`;
  const subnetItem = (call: Call, region: string) => ({
    name: DEFAULT,
    created: 0,
    json: subnetwork(call.origin, projectOf(cloud, call), region),
  });
  return [
    read(cloud, {
      id: "compute.networks.list",
      path: `${base}/global/networks`,
      permission: "compute.networks.list",
      query: LIST_QUERY,
      resource,
      run: (call) => {
        const item = { name: DEFAULT, created: 0, json: network(call.origin, projectOf(cloud, call)) };
        return list(call, "compute#networkList", `${resource(call)}/global/networks`, [item]);
      },
    }),
    read(cloud, {
      id: "compute.networks.get",
      path: `${base}/global/networks/{network}`,
      permission: "compute.networks.get",
      resource: (call) => `${resource(call)}/global/networks/${call.params.network}`,
      run: (call) => {
        if (call.params.network !== DEFAULT)
          throw errors.notFound(`${resource(call)}/global/networks/${call.params.network}`);
        return network(call.origin, projectOf(cloud, call));
      },
    }),
    read(cloud, {
      id: "compute.subnetworks.list",
      path: `${base}/regions/{region}/subnetworks`,
      permission: "compute.subnetworks.list",
      query: LIST_QUERY,
      resource,
      run: (call) => {
        const { region = "" } = call.params;
        checkRegion(projectOf(cloud, call), region);
        const path = `${resource(call)}/regions/${region}/subnetworks`;
        return list(call, "compute#subnetworkList", path, [subnetItem(call, region)]);
      },
    }),
    read(cloud, {
      id: "compute.subnetworks.aggregatedList",
      path: `${base}/aggregated/subnetworks`,
      permission: "compute.subnetworks.list",
      query: AGGREGATED_QUERY,
      resource,
      run: (call) =>
        aggregated(call, {
          kind: "compute#subnetworkAggregatedList",
          project: projectOf(cloud, call),
          collection: "subnetworks",
          scopes: REGION_SCOPES,
          all: REGIONS.map((name) => ({ ...subnetItem(call, name), scope: { kind: "region" as const, name } })),
        }),
    }),
    read(cloud, {
      id: "compute.subnetworks.get",
      path: `${base}/regions/{region}/subnetworks/{subnetwork}`,
      permission: "compute.subnetworks.get",
      resource: (call) => `${resource(call)}/regions/${call.params.region}/subnetworks/${call.params.subnetwork}`,
      run: (call) => {
        const { region = "", subnetwork: name = "" } = call.params;
        checkRegion(projectOf(cloud, call), region);
        if (name !== DEFAULT) throw errors.notFound(`${resource(call)}/regions/${region}/subnetworks/${name}`);
        return subnetwork(call.origin, projectOf(cloud, call), region);
      },
    }),
  ];
}
