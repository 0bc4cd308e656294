import { pacific } from "../../frame/time.ts";
import { lastOf, link, regionOf } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import { type HostState, renderScheduling, renderUpcoming } from "./scheduling.ts";

export type InstanceStatus =
  | "PROVISIONING"
  | "STAGING"
  | "RUNNING"
  | "STOPPING"
  | "REPAIRING"
  | "SUSPENDING"
  | "SUSPENDED"
  | "TERMINATED";

export interface StoredInstance {
  project: string;
  zone: string;
  id: string;
  name: string;
  created: number;
  status: InstanceStatus;
  machineType: string;
  metadata: Record<string, string>;
  metadataFingerprint: string;
  labels: Record<string, string>;
  labelFingerprint: string;
  tags: string[];
  tagsFingerprint: string;
  /** Its own loopback address. */
  ip: string;
  hostname: string;
  networkInterfaces: Json[];
  disks: Json[];
  diskId: string;
  diskSizeGb: string;
  image?: { path: string; id: string };
  content?: string;
  serviceAccounts: { email: string; scopes: string[] }[];
  /** Fields kept as they came. */
  kept: Json;
  started?: number;
  stopped?: number;
  suspended?: number;
  /** Path of the group it belongs to. */
  group?: string;
  /** What its host does to it now. */
  host?: HostState;
}

export function instancePath(instance: { project: string; zone: string; name: string }): string {
  return `projects/${instance.project}/zones/${instance.zone}/instances/${instance.name}`;
}

export function diskPath(instance: { project: string; zone: string; name: string }): string {
  return `projects/${instance.project}/zones/${instance.zone}/disks/${instance.name}`;
}

export function itemsOf(metadata: unknown): Record<string, string> {
  const items = isObject(metadata) ? metadata.items : undefined;
  if (!Array.isArray(items)) return {};
  return Object.fromEntries(items.map((item: { key?: string; value?: string }) => [item.key ?? "", item.value ?? ""]));
}

export function renderMetadata(metadata: Record<string, string>, fingerprint: string): Json {
  const items = Object.entries(metadata).map(([key, value]) => ({ key, value }));
  return { kind: "compute#metadata", fingerprint, ...(items.length > 0 && { items }) };
}

export function renderInstance(instance: StoredInstance, origin: string): Json {
  const { project, zone } = instance;
  const to = (path: string) => link(origin, `projects/${project}/${path}`);
  const inProject = (url: unknown, fallback: string) => {
    const text = typeof url === "string" && url ? url : fallback;
    return link(origin, text.slice(text.indexOf("projects/")));
  };
  return {
    kind: "compute#instance",
    id: instance.id,
    creationTimestamp: pacific(instance.created),
    name: instance.name,
    ...instance.kept,
    scheduling: renderScheduling(instance.kept.scheduling),
    ...(instance.host?.upcoming && { resourceStatus: { upcomingMaintenance: renderUpcoming(instance.host.upcoming) } }),
    tags: { ...(instance.tags.length > 0 && { items: instance.tags }), fingerprint: instance.tagsFingerprint },
    machineType: to(`zones/${zone}/machineTypes/${lastOf(instance.machineType)}`),
    status: instance.status,
    zone: to(`zones/${zone}`),
    networkInterfaces: instance.networkInterfaces.map((nic, i) => ({
      kind: "compute#networkInterface",
      ...nic,
      network: inProject(nic.network, `projects/${project}/global/networks/default`),
      subnetwork: inProject(nic.subnetwork, `projects/${project}/regions/${regionOf(zone)}/subnetworks/default`),
      ...(i === 0 && { networkIP: instance.ip }),
      name: `nic${i}`,
      fingerprint: instance.tagsFingerprint,
      stackType: "IPV4_ONLY",
    })),
    disks: instance.disks.map(({ initializeParams: _, ...disk }, index) => ({
      kind: "compute#attachedDisk",
      type: "PERSISTENT",
      mode: "READ_WRITE",
      ...disk,
      source: inProject(disk.source, `projects/${project}/zones/${zone}/disks/${diskName(instance, index)}`),
      deviceName: disk.deviceName ?? `persistent-disk-${index}`,
      index,
      boot: disk.boot === true,
      autoDelete: disk.autoDelete === true,
      interface: "SCSI",
      diskSizeGb: disk.boot === true ? instance.diskSizeGb : String(disk.diskSizeGb ?? "10"),
      architecture: "X86_64",
    })),
    metadata: renderMetadata(instance.metadata, instance.metadataFingerprint),
    ...(instance.serviceAccounts.length > 0 && { serviceAccounts: instance.serviceAccounts }),
    selfLink: link(origin, instancePath(instance)),
    ...(Object.keys(instance.labels).length > 0 && { labels: instance.labels }),
    labelFingerprint: instance.labelFingerprint,
    cpuPlatform: "Intel Broadwell",
    startRestricted: false,
    deletionProtection: instance.kept.deletionProtection === true,
    fingerprint: instance.tagsFingerprint,
    ...(instance.started !== undefined && { lastStartTimestamp: pacific(instance.started) }),
    ...(instance.stopped !== undefined && { lastStopTimestamp: pacific(instance.stopped) }),
    ...(instance.suspended !== undefined && { lastSuspendedTimestamp: pacific(instance.suspended) }),
  };
}

export function diskName(instance: StoredInstance, index: number): string {
  return instance.disks[index]?.boot === true ? instance.name : `${instance.name}-${index}`;
}

/** The disk behind an instance: what it was made from is found here and nowhere else. */
export function renderDisk(instance: StoredInstance, origin: string): Json {
  const { project, zone, image } = instance;
  return {
    kind: "compute#disk",
    id: instance.diskId,
    creationTimestamp: pacific(instance.created),
    name: instance.name,
    sizeGb: instance.diskSizeGb,
    zone: link(origin, `projects/${project}/zones/${zone}`),
    status: "READY",
    selfLink: link(origin, diskPath(instance)),
    ...(image && { sourceImage: link(origin, image.path), sourceImageId: image.id }),
    type: link(origin, `projects/${project}/zones/${zone}/diskTypes/pd-balanced`),
    users: [link(origin, instancePath(instance))],
    labelFingerprint: instance.labelFingerprint,
    physicalBlockSizeBytes: "4096",
    architecture: "X86_64",
    ...(instance.started !== undefined && { lastAttachTimestamp: pacific(instance.created) }),
  };
}
