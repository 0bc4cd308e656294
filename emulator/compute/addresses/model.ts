import { pacific } from "../../frame/time.ts";
import type { Cloud } from "../cloud.ts";
import { natOf } from "../instances/accessconfigs.ts";
import { instancePath } from "../instances/model.ts";
import { link, pathOf, regionOf, type Scope, scopePath } from "../names.ts";
import type { Json } from "../schema/check.ts";

/** An address that is reserved: it stays its project's whether a machine has it or not. */
export interface StoredAddress {
  project: string;
  /** A region, or global. */
  scope: Scope;
  id: string;
  name: string;
  description?: string;
  created: number;
  address: string;
  addressType: "INTERNAL" | "EXTERNAL";
  ipVersion?: string;
  networkTier?: string;
  purpose?: string;
  prefixLength?: number;
  /** Paths. */
  network?: string;
  subnetwork?: string;
  labels: Record<string, string>;
  labelFingerprint: string;
}

export function addressPath({ project, scope, name }: Pick<StoredAddress, "project" | "scope" | "name">): string {
  return pathOf({ project, scope, collection: "addresses", name });
}

/** The machine that has an address now. */
export function userOf(cloud: Cloud, address: StoredAddress): string | undefined {
  const { scope, addressType } = address;
  if (scope.kind !== "region") return undefined;
  for (const instance of cloud.instances.values()) {
    if (instance.project !== address.project || regionOf(instance.zone) !== scope.name) continue;
    const own = addressType === "INTERNAL" ? instance.ip : natOf(instance);
    if (own === address.address) return instancePath(instance);
  }
  return undefined;
}

/** The reservation of an address in a project's region. */
export function reservationOf(
  cloud: Pick<Cloud, "addresses">,
  project: string,
  region: string,
  ip: string | undefined,
): StoredAddress | undefined {
  if (ip === undefined) return undefined;
  for (const address of cloud.addresses.values()) {
    const { scope } = address;
    if (address.address === ip && address.project === project && scope.kind === "region" && scope.name === region)
      return address;
  }
  return undefined;
}

export function renderAddress(cloud: Cloud, address: StoredAddress, origin: string): Json {
  const { project, scope, network, subnetwork } = address;
  const user = userOf(cloud, address);
  const { ipVersion, networkTier, purpose, prefixLength } = address;
  return {
    kind: "compute#address",
    id: address.id,
    creationTimestamp: pacific(address.created),
    name: address.name,
    description: address.description ?? "",
    address: address.address,
    ...(prefixLength !== undefined && { prefixLength }),
    status: user === undefined ? "RESERVED" : "IN_USE",
    ...(scope.kind === "region" && { region: link(origin, `projects/${project}/${scopePath(scope)}`) }),
    selfLink: link(origin, addressPath(address)),
    ...(user !== undefined && { users: [link(origin, user)] }),
    ...(networkTier !== undefined && { networkTier }),
    ...(Object.keys(address.labels).length > 0 && { labels: address.labels }),
    labelFingerprint: address.labelFingerprint,
    ...(ipVersion !== undefined && { ipVersion }),
    addressType: address.addressType,
    ...(purpose !== undefined && { purpose }),
    ...(network !== undefined && { network: link(origin, network) }),
    ...(subnetwork !== undefined && { subnetwork: link(origin, subnetwork) }),
  };
}
