import type { InstanceTemplate, ManagerVersion } from "../../wire/compute.d.ts";

export interface AnyDisk {
  name: string;
  /** URLs; a regional disk has a region. */
  zone?: string;
  region?: string;
  /** Numeric id of the image it was made from, which may be gone. */
  sourceImageId?: string;
  /** URLs of the instances it is attached to. */
  users?: string[];
}

export interface AnyGroup {
  name: string;
  zone?: string;
  region?: string;
  instanceTemplate?: string;
  versions?: ManagerVersion[];
}

/** Everything of a kind that a project has, wherever it is. */
export interface Inventories {
  allDisks(): Promise<AnyDisk[]>;
  /** Global and regional ones, whoever made them. */
  allTemplates(): Promise<InstanceTemplate[]>;
  /** Zonal and regional ones. */
  allGroups(): Promise<AnyGroup[]>;
}

export function makeInventories(aggregated: <T>(collection: string) => Promise<T[]>): Inventories {
  return {
    allDisks: () => aggregated("disks"),
    allTemplates: () => aggregated("instanceTemplates"),
    allGroups: () => aggregated("instanceGroupManagers"),
  };
}
