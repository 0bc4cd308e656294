import { pacific } from "../../frame/time.ts";
import type { DiskAt } from "../../machines/machines.ts";
import type { Cloud } from "../cloud.ts";
import { deviceOf, sourceOf } from "../disks/model.ts";
import { errors } from "../errors.ts";
import { link, parseRef, pathOf } from "../names.ts";
import type { Json } from "../schema/check.ts";

/** What a disk held at an instant. */
export interface StoredSnapshot {
  project: string;
  id: string;
  name: string;
  description?: string;
  created: number;
  status: "CREATING" | "READY" | "FAILED";
  diskSizeGb: string;
  sourceDisk: { path: string; id: string };
  /** Image that the disk was made from, which bootable disks remember. */
  image?: { path: string; id: string };
  labels: Record<string, string>;
  labelFingerprint: string;
  storageLocations: string[];
}

export const snapshotPath = ({ project, name }: Pick<StoredSnapshot, "project" | "name">) =>
  `projects/${project}/global/snapshots/${name}`;

export function renderSnapshot(snapshot: StoredSnapshot, origin: string): Json {
  const { image } = snapshot;
  return {
    kind: "compute#snapshot",
    id: snapshot.id,
    creationTimestamp: pacific(snapshot.created),
    name: snapshot.name,
    ...(snapshot.description !== undefined && { description: snapshot.description }),
    status: snapshot.status,
    sourceDisk: link(origin, snapshot.sourceDisk.path),
    sourceDiskId: snapshot.sourceDisk.id,
    diskSizeGb: snapshot.diskSizeGb,
    ...(snapshot.status === "READY" && { storageBytes: "0", storageBytesStatus: "UP_TO_DATE", downloadBytes: "0" }),
    storageLocations: snapshot.storageLocations,
    snapshotType: "STANDARD",
    architecture: "X86_64",
    ...(image && { guestOsFeatures: [{ type: "UEFI_COMPATIBLE" }] }),
    selfLink: link(origin, snapshotPath(snapshot)),
    ...(Object.keys(snapshot.labels).length > 0 && { labels: snapshot.labels }),
    labelFingerprint: snapshot.labelFingerprint,
  };
}

type Source = Pick<StoredSnapshot, "diskSizeGb" | "sourceDisk" | "image"> & { at: DiskAt };

/** A disk of its own, or a machine's boot disk, and where its bytes are now. Throws 404. */
export function diskToSnap(cloud: Cloud, path: string): Source {
  const stored = cloud.disks.get(path);
  const owner = cloud.instances.get(path.replace("/disks/", "/instances/"));
  if (stored) {
    const machine = cloud.instances.get(stored.users[0] ?? "");
    const index = machine?.disks.findIndex((disk) => sourceOf(cloud, disk, stored.project) === stored) ?? -1;
    const disk = machine?.disks[index];
    return {
      diskSizeGb: stored.sizeGb,
      sourceDisk: { path, id: stored.id },
      ...(stored.image && { image: stored.image }),
      at: {
        id: stored.id,
        ...(machine && disk && { machine: machine.id, device: deviceOf(disk, index), boot: disk.boot === true }),
      },
    };
  }
  if (!owner) throw errors.notFound(path);
  return {
    diskSizeGb: owner.diskSizeGb,
    sourceDisk: { path, id: owner.diskId },
    ...(owner.image && { image: owner.image }),
    at: { id: owner.diskId, machine: owner.id, device: "", boot: true },
  };
}

/** The snapshot that a field names; undefined when there is none. */
export function findSnapshot(cloud: Cloud, text: string, project: string): StoredSnapshot | undefined {
  const ref = parseRef(cloud.world, text, project);
  return ref?.collection === "snapshots" ? cloud.snapshots.get(pathOf(ref)) : undefined;
}
