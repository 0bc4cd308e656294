import type { Cloud } from "../cloud.ts";
import { accessConfigOf, natOf } from "../instances/accessconfigs.ts";
import type { Plan } from "../instances/make.ts";
import { instancePath } from "../instances/model.ts";
import { regionOf } from "../names.ts";
import type { Failure } from "../operations.ts";
import { isObject, type Json } from "../schema/check.ts";
import { reservationOf } from "./model.ts";
import { isIpv4 } from "./read.ts";

/** The addresses that a plan asks for by themselves; any free ones where it does not. */
export function wantedAddresses({ properties, ip, natIp }: Plan): { ip?: string; natIp?: string } {
  const nics = Array.isArray(properties.networkInterfaces) ? properties.networkInterfaces.filter(isObject) : [];
  const internal = ip ?? text(nics[0]?.networkIP);
  const external = natIp ?? text(accessConfigOf({ networkInterfaces: nics as Json[] })?.natIP);
  return { ...(internal !== undefined && { ip: internal }), ...(external !== undefined && { natIp: external }) };
}

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

/** Why a machine cannot have the addresses that its plan asks for now. */
export function addressesRefused(cloud: Cloud, plan: Plan): Failure | undefined {
  const { ip, natIp } = wantedAddresses(plan);
  if (ip === undefined && natIp === undefined) return undefined;
  const invalid = (address: string, why: string): Failure => ({
    code: "INVALID_USAGE",
    http: 400,
    message: `Invalid value for field 'resource.networkInterfaces[0]': '${address}'. ${why}`,
  });
  for (const address of [ip, natIp])
    if (address !== undefined && !isIpv4(address)) return invalid(address, "Must be an IPv4 address.");
  if (ip !== undefined && cloud.machines.kind === "process" && !ip.startsWith("127."))
    return invalid(ip, "Instances that are processes have addresses in 127.0.0.0/8 only.");
  if (
    natIp !== undefined &&
    !reservationOf(cloud, plan.project, regionOf(plan.zone), natIp) &&
    plan.natIp === undefined
  )
    return invalid(natIp, "The specified external IP address was not found in the project and region.");
  for (const instance of cloud.instances.values()) {
    const taken = instance.ip === ip ? ip : natIp !== undefined && natOf(instance) === natIp ? natIp : undefined;
    if (taken !== undefined && instance.project === plan.project)
      return {
        code: "IP_IN_USE_BY_ANOTHER_RESOURCE",
        http: 400,
        message: `IP '${taken}' is already being used by another resource: '${instancePath(instance)}'.`,
      };
  }
  return undefined;
}
