import { pacific } from "../../frame/time.ts";
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
  /** Paths of the instances it is attached to; more than one only where all read it. */
  users: string[];
}

export function storedDiskPath(disk: Pick<StoredDisk, "project" | "zone" | "name">): string {
  return `projects/${disk.project}/zones/${disk.zone}/disks/${disk.name}`;
}

/** The stored disk that an attached disk's `source` names. */
export function sourceOf(cloud: Cloud, disk: Json, project: string): StoredDisk | undefined {
  const ref = typeof disk.source === "string" ? parseRef(cloud.world, disk.source, project) : undefined;
  return ref && cloud.disks.get(pathOf(ref));
}

export function renderStoredDisk(disk: StoredDisk, origin: string): Json {
  const { project, zone, image } = disk;
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
    ...(image && { sourceImage: link(origin, image.path), sourceImageId: image.id }),
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

/** The machine is gone: its disks are free, and those that go with it go. */
export function detached(cloud: Cloud, instance: StoredInstance, path: string): void {
  for (const disk of instance.disks) {
    const stored = sourceOf(cloud, disk, instance.project);
    if (!stored) continue;
    stored.users = stored.users.filter((user) => user !== path);
    if (disk.autoDelete === true && stored.users.length === 0) cloud.disks.delete(storedDiskPath(stored));
  }
}
