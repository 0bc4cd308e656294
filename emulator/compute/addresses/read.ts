import type { Cloud } from "../cloud.ts";
import { checkName, errors } from "../errors.ts";
import { checkScope } from "../geography.ts";
import { oneOf } from "../groups/policy.ts";
import { parseRef, pathOf, type Ref } from "../names.ts";
import type { Json } from "../schema/check.ts";
import type { StoredAddress } from "./model.ts";
import type { Reservations } from "./reservations.ts";

const PURPOSES = ["GCE_ENDPOINT", "DNS_RESOLVER", "VPC_PEERING", "IPSEC_INTERCONNECT", "SHARED_LOADBALANCER_VIP"];

export function isIpv4(text: string): boolean {
  return /^(\d{1,3}\.){3}\d{1,3}$/.test(text) && text.split(".").every((part) => Number(part) <= 255);
}

/** Reads the body of an insert. Throws what the service answers to what cannot be reserved. */
export function readAddress(cloud: Cloud, reservations: Reservations, body: Json, target: Ref): StoredAddress {
  const { ids, clock } = cloud.world;
  const name = checkName(body.name);
  const { project, scope } = target;
  checkScope(project, scope);
  if (cloud.addresses.has(pathOf(target))) throw errors.exists(pathOf(target));
  for (const field of ["ipCollection", "ipv6EndpointType"])
    if (body[field]) throw errors.notEmulated(`addresses.insert with ${field}`);
  const ipVersion = oneOf(body.ipVersion, ["IPV4", "IPV6"], "IPV4", "resource.ipVersion");
  if (ipVersion === "IPV6") throw errors.notEmulated("addresses.insert with ipVersion IPV6");
  const type = oneOf(body.addressType, ["EXTERNAL", "INTERNAL"], "EXTERNAL", "resource.addressType");
  const tier = oneOf(body.networkTier, ["PREMIUM", "STANDARD"], "PREMIUM", "resource.networkTier");
  if (tier === "STANDARD" && (type === "INTERNAL" || scope.kind === "global"))
    throw errors.value("resource.networkTier", tier, "Only regional external addresses can be of the standard tier.");
  const purpose = body.purpose === undefined ? undefined : String(body.purpose);
  if (purpose !== undefined && !PURPOSES.includes(purpose))
    throw errors.notEmulated(`addresses.insert with purpose ${purpose}`);
  if (type === "EXTERNAL" && (purpose !== undefined || body.subnetwork))
    throw errors.value(
      purpose === undefined ? "resource.subnetwork" : "resource.purpose",
      purpose ?? body.subnetwork,
      "It can be set only for internal addresses.",
    );
  if (type === "INTERNAL" && scope.kind === "global" && purpose !== "VPC_PEERING")
    throw errors.value("resource.purpose", purpose, "A global internal address needs a purpose, e.g. VPC_PEERING.");
  const address = literal(cloud, body, target, type) ?? reservations.pick(type);
  const links = (["network", "subnetwork"] as const).map((field) => [field, linkOf(cloud, body, field, project)]);
  return {
    project,
    scope,
    id: ids.numeric(),
    name,
    ...(typeof body.description === "string" && body.description !== "" && { description: body.description }),
    created: clock.now(),
    address,
    addressType: type,
    ...(scope.kind === "global" && purpose === undefined && { ipVersion }),
    ...(purpose !== "VPC_PEERING" && { networkTier: tier }),
    ...(type === "INTERNAL" && { purpose: purpose ?? "GCE_ENDPOINT" }),
    ...(body.prefixLength !== undefined && { prefixLength: Number(body.prefixLength) }),
    ...(type === "INTERNAL" &&
      scope.kind === "region" && { subnetwork: `projects/${project}/regions/${scope.name}/subnetworks/default` }),
    ...Object.fromEntries(links.filter(([, path]) => path !== undefined)),
    labels: (body.labels ?? {}) as Record<string, string>,
    labelFingerprint: ids.fingerprint(),
  };
}

/** The address a caller asks for. An external one cannot be chosen: only one that a machine has can be promoted. */
function literal(cloud: Cloud, body: Json, target: Ref, type: StoredAddress["addressType"]): string | undefined {
  const text = String(body.address ?? "");
  if (text === "") return undefined;
  if (!isIpv4(text)) throw errors.value("resource.address", text, "Must be an IPv4 address.");
  for (const other of cloud.addresses.values())
    if (other.address === text && other.project === target.project)
      throw errors.value("resource.address", text, "Specified IP address is already reserved.");
  if (type === "INTERNAL" && cloud.machines.kind === "process" && !text.startsWith("127."))
    throw errors.notEmulated("internal addresses outside 127.0.0.0/8 where instances are processes");
  if (type === "EXTERNAL" && !inUse(cloud, target.project, text))
    throw errors.value("resource.address", text, "Specified IP address is not in use and cannot be reserved.");
  return text;
}

function inUse(cloud: Cloud, project: string, ip: string): boolean {
  for (const instance of cloud.instances.values())
    if (instance.project === project && JSON.stringify(instance.networkInterfaces).includes(`"natIP":"${ip}"`))
      return true;
  return false;
}

function linkOf(cloud: Cloud, body: Json, field: string, project: string): string | undefined {
  if (!body[field]) return undefined;
  const ref = parseRef(cloud.world, String(body[field]), project);
  if (ref?.collection !== `${field}s`) throw errors.value(`resource.${field}`, body[field], "The URL is malformed.");
  return pathOf(ref);
}
