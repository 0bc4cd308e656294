import { pacific } from "../../frame/time.ts";
import type { KeptDisk } from "../../machines/machines.ts";
import type { Cloud } from "../cloud.ts";
import type { StoredInstance } from "../instances/model.ts";
import { lastOf, link, parseRef, pathOf } from "../names.ts";
import type { Failure } from "../operations.ts";
import { isObject, type Json } from "../schema/check.ts";

/** A disk that may outlive the machine it is attached to. */
export interface StoredDisk {
  project: string;
  zone: string;
  id: string;
  name: string;
  description?: string;
  created: number;
  sizeGb: string;
  /** Short name, e.g. `pd-balanced`. */
  type: string;
  labels: Record<string, string>;
  labelFingerprint: string;
  image?: { path: string; id: string };
  snapshot?: { path: string; id: string };
  /** Paths of the instances it is attached to; more than one only where all read it. */
  users: string[];
}

/** Name under which a guest finds a disk of its machine. */
export const deviceOf = (disk: Json, index: number): string => String(disk.deviceName ?? `persistent-disk-${index}`);

export function storedDiskPath(disk: Pick<StoredDisk, "project" | "zone" | "name">): string {
  return `projects/${disk.project}/zones/${disk.zone}/disks/${disk.name}`;
}

/** The stored disk that an attached disk's `source` names. */
export function sourceOf(cloud: Cloud, disk: Json, project: string): StoredDisk | undefined {
  const ref = typeof disk.source === "string" ? parseRef(cloud.world, disk.source, project) : undefined;
  return ref && cloud.disks.get(pathOf(ref));
}

export function renderStoredDisk(disk: StoredDisk, origin: string): Json {
  const { project, zone, image, snapshot } = disk;
  return {
    kind: "compute#disk",
    id: disk.id,
    creationTimestamp: pacific(disk.created),
    name: disk.name,
    ...(disk.description !== undefined && { description: disk.description }),
    sizeGb: disk.sizeGb,
    zone: link(origin, `projects/${project}/zones/${zone}`),
    status: "READY",
    selfLink: link(origin, storedDiskPath(disk)),
    // A disk from a snapshot tells of that, not of the image behind it.
    ...(image && !snapshot && { sourceImage: link(origin, image.path), sourceImageId: image.id }),
    ...(snapshot && { sourceSnapshot: link(origin, snapshot.path), sourceSnapshotId: snapshot.id }),
    type: link(origin, `projects/${project}/zones/${zone}/diskTypes/${lastOf(disk.type)}`),
    ...(disk.users.length > 0 && { users: disk.users.map((user) => link(origin, user)) }),
    ...(Object.keys(disk.labels).length > 0 && { labels: disk.labels }),
    labelFingerprint: disk.labelFingerprint,
    physicalBlockSizeBytes: "4096",
    architecture: "X86_64",
  };
}

/** Why the disks that properties name cannot be attached to a new machine now. */
export function disksRefused(cloud: Cloud, disks: unknown, project: string): Failure | undefined {
  if (!Array.isArray(disks)) return undefined;
  for (const disk of disks.filter(isObject)) {
    const stored = sourceOf(cloud, disk, project);
    const [user] = stored?.users ?? [];
    if (stored && user !== undefined && disk.mode !== "READ_ONLY")
      return {
        code: "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
        http: 400,
        message: `The disk resource '${storedDiskPath(stored)}' is already being used by '${user}'`,
      };
  }
  return undefined;
}

export function attached(cloud: Cloud, instance: StoredInstance, path: string): void {
  for (const disk of instance.disks) {
    const stored = sourceOf(cloud, disk, instance.project);
    if (stored && !stored.users.includes(path)) stored.users.push(path);
  }
}

/** Of a machine's disks those that live for themselves, as machines know them. */
export function keptDisks(cloud: Cloud, instance: StoredInstance): (KeptDisk & { sizeGb: number })[] {
  return instance.disks.flatMap((disk, index) => {
    const stored = sourceOf(cloud, disk, instance.project);
    if (!stored) return [];
    return [{ id: stored.id, device: deviceOf(disk, index), boot: disk.boot === true, sizeGb: Number(stored.sizeGb) }];
  });
}

/** The end of a disk, and of what is on it. */
export function dropDisk(cloud: Cloud, path: string): void {
  const disk = cloud.disks.get(path);
  if (!disk) return;
  cloud.disks.delete(path);
  void cloud.machines.disks?.delete(disk.id);
}

/** The machine is gone: its disks are free, and those that go with it go. */
export function detached(cloud: Cloud, instance: StoredInstance, path: string): void {
  for (const disk of instance.disks) {
    const stored = sourceOf(cloud, disk, instance.project);
    if (!stored) continue;
    stored.users = stored.users.filter((user) => user !== path);
    if (disk.autoDelete === true && stored.users.length === 0) dropDisk(cloud, storedDiskPath(stored));
  }
}
