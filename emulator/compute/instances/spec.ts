import type { MachineSpec } from "../../machines/machines.ts";
import type { Cloud } from "../cloud.ts";
import { keptDisks } from "../disks/model.ts";
import { lastOf } from "../names.ts";
import { accessConfigOf, natOf } from "./accessconfigs.ts";
import type { StoredInstance } from "./model.ts";
import { hostView } from "./scheduling.ts";

/**
 * An instance as the machine that runs it knows it. What the API can change while it runs is asked for anew each time.
 * @param guest where its guest attributes are kept
 */
export function specOf(cloud: Cloud, instance: StoredInstance, guest: Map<string, string>): MachineSpec {
  const account = instance.serviceAccounts[0];
  return {
    id: instance.id,
    name: instance.name,
    zone: instance.zone,
    hostname: instance.hostname,
    machineType: lastOf(instance.machineType),
    get tags() {
      return instance.tags;
    },
    ip: instance.ip,
    image: instance.image?.path ?? "",
    ...(instance.content !== undefined && { content: instance.content }),
    ...(account && { serviceAccount: account }),
    attributes: () => instance.metadata,
    projectAttributes: () => cloud.project(instance.project).metadata,
    guestAttributes: guest,
    externalIps: () => (accessConfigOf(instance) ? [natOf(instance) ?? ""] : []),
    createdAt: instance.created,
    host: () => hostView(instance),
    ...disksOf(cloud, instance),
  };
}

function disksOf(cloud: Cloud, instance: StoredInstance): Pick<MachineSpec, "disks" | "bootDisk"> {
  const kept = keptDisks(cloud, instance);
  const boot = kept.find((disk) => disk.boot);
  const data = instance.disks.flatMap((disk, index) => {
    if (disk.boot === true) return [];
    const device = String(disk.deviceName ?? `persistent-disk-${index}`);
    const stored = kept.find((other) => other.device === device);
    return [{ device, sizeGb: stored?.sizeGb ?? Number(disk.diskSizeGb ?? 10), ...(stored && { id: stored.id }) }];
  });
  return { disks: data, ...(boot && { bootDisk: boot.id }) };
}
