import { isObject, type Json } from "../schema/check.ts";
import type { StoredInstance } from "./model.ts";

type Nics = Pick<StoredInstance, "networkInterfaces">;

/** The access configuration of a machine's first interface, of which there is at most one. */
export function accessConfigOf({ networkInterfaces: [nic] }: Nics): Json | undefined {
  const [config] = Array.isArray(nic?.accessConfigs) ? nic.accessConfigs.filter(isObject) : [];
  return config;
}

/** The external address that a machine has now. */
export function natOf(instance: Nics): string | undefined {
  const ip = accessConfigOf(instance)?.natIP;
  return typeof ip === "string" && ip !== "" ? ip : undefined;
}

/** Interfaces as a machine gets them: its own copy, each access configuration complete, the first with the address given. */
export function interfacesOf(nics: Json[], natIp: string | undefined): Json[] {
  return nics.map((nic, i): Json => {
    const { networkIP: _, ...rest } = nic;
    const given = Array.isArray(nic.accessConfigs) ? nic.accessConfigs.filter(isObject) : [];
    const configs = given.length === 0 && i === 0 && natIp !== undefined ? [{}] : given;
    if (configs.length === 0) return rest;
    return {
      ...rest,
      accessConfigs: configs.map(({ natIP, ...config }): Json => {
        const ip = i === 0 && natIp !== undefined ? natIp : natIP;
        return {
          kind: "compute#accessConfig",
          type: "ONE_TO_ONE_NAT",
          name: "External NAT",
          networkTier: "PREMIUM",
          ...config,
          ...(typeof ip === "string" && ip !== "" && { natIP: ip }),
        };
      }),
    };
  });
}
