import { reservationOf } from "../addresses/model.ts";
import type { Reservations } from "../addresses/reservations.ts";
import type { Cloud } from "../cloud.ts";
import { attached, deviceOf, dropDisk, keptDisks, type StoredDisk, sourceOf, storedDiskPath } from "../disks/model.ts";
import { natOf } from "../instances/accessconfigs.ts";
import { disksOf, type Plan } from "../instances/make.ts";
import { diskName, instancePath, type StoredInstance } from "../instances/model.ts";
import { regionOf } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import type { UpdateAction } from "../updater/values.ts";
import { instanceOf, type Member, type StoredGroup } from "./model.ts";
import type { AutoDelete, PreservedState } from "./stateful.ts";

/** What a machine's per-instance configuration wants kept now. */
export function wantedState(group: StoredGroup, name: string): PreservedState | undefined {
  const config = group.configs.get(name);
  return config?.deleted ? undefined : config?.state;
}

export const sameState = (a: PreservedState | undefined, b: PreservedState | undefined): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b);

/** What bringing the group's configuration to a member's machine takes; undefined when it has it, or has yet to be made. */
export function outdatedBy(cloud: Cloud, group: StoredGroup, member: Member): UpdateAction | undefined {
  if (member.id === undefined) return undefined;
  const state = wantedState(group, member.name);
  if (!sameState(state, member.state)) {
    const literal = state?.internalIPs.nic0?.literal;
    const ip = instanceOf(cloud, group, member)?.ip;
    // An address cannot change under a machine.
    return literal !== undefined && ip !== undefined && literal !== ip ? "REPLACE" : "REFRESH";
  }
  return member.revision === group.allInstances?.revision ? undefined : "REFRESH";
}

/** What a machine is made of: the template, the group's configuration over it, the machine's own, and what was kept. */
export function configured(
  group: StoredGroup,
  member: Member,
  template: Json,
): Pick<Plan, "properties" | "metadata" | "ip" | "natIp"> {
  const state = wantedState(group, member.name);
  const ip = state?.internalIPs.nic0?.literal ?? member.kept?.ip;
  const natIp = state?.externalIPs.nic0?.literal ?? member.kept?.natIp;
  return {
    properties: {
      ...template,
      ...(group.allInstances && {
        labels: { ...(isObject(template.labels) ? template.labels : {}), ...group.allInstances.labels },
      }),
      ...((state || member.kept) && { disks: disksWith(disksOf(template), state, member.kept?.disks ?? {}) }),
    },
    metadata: { ...group.allInstances?.metadata, ...state?.metadata },
    ...(ip !== undefined && { ip }),
    ...(natIp !== undefined && { natIp }),
  };
}

function disksWith(disks: Json[], state: PreservedState | undefined, kept: Record<string, string>): Json[] {
  const own = new Map(Object.entries(state?.disks ?? {}));
  const result = disks.map((disk, index): Json => {
    const device = deviceOf(disk, index);
    const source = own.get(device)?.source ?? kept[device];
    const mode = own.get(device)?.mode;
    own.delete(device);
    if (source === undefined) return disk;
    const { initializeParams: _, ...rest } = disk;
    return { ...rest, deviceName: device, source, autoDelete: false, ...(mode && { mode }) };
  });
  for (const [deviceName, { source, mode }] of own)
    result.push({ type: "PERSISTENT", deviceName, source, mode, boot: false, autoDelete: false });
  return result;
}

/** Notes what a machine has of the configuration, once it has it. A deletion that is applied is done. */
export function applied(group: StoredGroup, member: Member): void {
  const state = wantedState(group, member.name);
  if (state) member.state = state;
  else {
    delete member.state;
    if (group.configs.get(member.name)?.deleted) group.configs.delete(member.name);
  }
  if (group.allInstances) member.revision = group.allInstances.revision;
  else delete member.revision;
}

/** Disks of a running machine follow its configuration. */
export function reattach(cloud: Cloud, group: StoredGroup, member: Member, instance: StoredInstance): void {
  const wanted = wantedState(group, member.name)?.disks ?? {};
  const before = member.state?.disks ?? {};
  for (const [index, disk] of [...instance.disks.entries()].reverse()) {
    const device = deviceOf(disk, index);
    if (!(device in before) || device in wanted || disk.boot === true || member.kept?.disks[device]) continue;
    const stored = sourceOf(cloud, disk, instance.project);
    if (stored) {
      stored.users = stored.users.filter((user) => user !== instancePath(instance));
      cloud.machines.disks?.detach(instance.id, { device, id: stored.id });
    }
    instance.disks.splice(index, 1);
  }
  instance.disks = disksWith(instance.disks, wantedState(group, member.name), member.kept?.disks ?? {});
  attached(cloud, instance, instancePath(instance));
  for (const disk of keptDisks(cloud, instance)) if (!disk.boot) cloud.machines.disks?.attach(instance.id, disk);
}

/**
 * Keeps what is to be kept of a machine that is there: disks of the stateful policy become disks of their own, addresses are
 * reserved. Nothing happens to the machine. A reservation stays when nobody wants the address kept any more: it may be used
 * by others then.
 */
export function preserve(cloud: Cloud, group: StoredGroup, member: Member, reservations: Reservations): void {
  const { stateful } = group;
  const instance = instanceOf(cloud, group, member);
  if (!instance || (!stateful && !member.state && !member.kept)) return;
  const disks: Record<string, string> = {};
  for (const [index, disk] of instance.disks.entries()) {
    const device = deviceOf(disk, index);
    if (!stateful || !(device in stateful.disks)) continue;
    const stored = sourceOf(cloud, disk, instance.project) ?? standalone(cloud, instance, disk, index);
    Object.assign(disk, { source: storedDiskPath(stored), autoDelete: false });
    disks[device] = storedDiskPath(stored);
  }
  attached(cloud, instance, instancePath(instance));
  const ip = stateful?.internalIPs.nic0 || member.state?.internalIPs.nic0 ? instance.ip : undefined;
  const natIp = stateful?.externalIPs.nic0 || member.state?.externalIPs.nic0 ? natOf(instance) : undefined;
  if (ip !== undefined) reservations.promote(instance, ip, "INTERNAL", `${instance.name}-nic0-internal`);
  if (natIp !== undefined) reservations.promote(instance, natIp, "EXTERNAL", `${instance.name}-nic0-external`);
  // What the group reserved by itself for a machine that has another address now, it does not leave behind.
  const leave = (old: string | undefined, now: string | undefined, kind: "internal" | "external") => {
    const rule = stateful?.[kind === "internal" ? "internalIPs" : "externalIPs"].nic0;
    const reserved = reservationOf(cloud, instance.project, regionOf(instance.zone), old === now ? undefined : old);
    const own = reserved?.name.startsWith(`${instance.name}-nic0-${kind}`);
    if (reserved && own && rule?.autoDelete === "ON_PERMANENT_INSTANCE_DELETION") reservations.remove(reserved);
  };
  leave(member.kept?.ip, ip, "internal");
  leave(member.kept?.natIp, natIp, "external");
  if (stateful || ip !== undefined || natIp !== undefined)
    member.kept = { disks, ...(ip !== undefined && { ip }), ...(natIp !== undefined && { natIp }) };
  else delete member.kept;
}

/** A disk made with a machine, from now on a disk of its own. */
function standalone(cloud: Cloud, instance: StoredInstance, disk: Json, index: number): StoredDisk {
  const boot = disk.boot === true;
  const params: Json = isObject(disk.initializeParams) ? disk.initializeParams : {};
  const stored: StoredDisk = {
    project: instance.project,
    zone: instance.zone,
    id: boot ? instance.diskId : cloud.world.ids.numeric(),
    name: diskName(instance, index),
    created: instance.created,
    sizeGb: boot ? instance.diskSizeGb : String(params.diskSizeGb ?? disk.diskSizeGb ?? 10),
    type: String(params.diskType ?? "pd-balanced"),
    labels: {},
    labelFingerprint: cloud.world.ids.fingerprint(),
    ...(boot && instance.image && { image: instance.image }),
    users: [],
  };
  cloud.disks.set(storedDiskPath(stored), stored);
  return stored;
}

/** A member is gone for good: of what was kept for it, that goes which is only kept as long as the member. */
export function letGo(
  cloud: Cloud,
  group: StoredGroup,
  member: Member,
  reservations: Reservations,
  abandoned: boolean,
): void {
  group.configs.delete(member.name);
  if (abandoned) return;
  const { kept, state } = member;
  const release = (ip: string | undefined, rule: { autoDelete: AutoDelete } | undefined) => {
    const reserved = reservationOf(cloud, group.project, regionOf(member.zone), ip);
    if (reserved && rule?.autoDelete === "ON_PERMANENT_INSTANCE_DELETION") reservations.remove(reserved);
  };
  release(kept?.ip, state?.internalIPs.nic0 ?? group.stateful?.internalIPs.nic0);
  release(kept?.natIp, state?.externalIPs.nic0 ?? group.stateful?.externalIPs.nic0);
  const rules = new Map<string, { source: string; autoDelete: string }>();
  for (const [device, source] of Object.entries(member.kept?.disks ?? {}))
    rules.set(device, { source, autoDelete: group.stateful?.disks[device]?.autoDelete ?? "NEVER" });
  for (const [device, rule] of Object.entries(member.state?.disks ?? {})) rules.set(device, rule);
  for (const { source, autoDelete } of rules.values())
    if (autoDelete === "ON_PERMANENT_INSTANCE_DELETION" && cloud.disks.get(source)?.users.length === 0)
      dropDisk(cloud, source);
}
