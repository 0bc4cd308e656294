import { pacific } from "../../frame/time.ts";
import type { Cloud } from "../cloud.ts";
import { link, parseRef } from "../names.ts";

export interface Deprecation {
  state?: "ACTIVE" | "DEPRECATED" | "OBSOLETE" | "DELETED";
  replacement?: string;
  deprecated?: string;
  obsolete?: string;
  deleted?: string;
}

export interface StoredImage {
  project: string;
  id: string;
  name: string;
  created: number;
  status: "PENDING" | "READY" | "FAILED" | "DELETING";
  family?: string;
  description?: string;
  deprecated?: Deprecation;
  labels?: Record<string, string>;
  labelFingerprint: string;
  diskSizeGb: string;
  archiveSizeBytes: string;
  architecture: string;
  storageLocations: string[];
  /** Where it came from: paths of this emulator, or what the caller named. */
  sourceImage?: { path: string; id: string };
  sourceDisk?: { path: string; id: string };
  rawDisk?: Record<string, unknown>;
  /** Fields kept as they came: guestOsFeatures, licenses, shieldedInstanceInitialState and the like. */
  kept: Record<string, unknown>;
  /** Digest of what machines boot from it; absent when there is nothing to boot. */
  content?: string;
  /** Rights on it as they were set. */
  policy?: Record<string, unknown>;
}

export function imagePath(image: { project: string; name: string }): string {
  return `projects/${image.project}/global/images/${image.name}`;
}

export function renderImage(image: StoredImage, origin: string): Record<string, unknown> {
  const { sourceImage, sourceDisk } = image;
  return {
    kind: "compute#image",
    id: image.id,
    creationTimestamp: pacific(image.created),
    name: image.name,
    ...(image.description !== undefined && { description: image.description }),
    sourceType: "RAW",
    ...(image.rawDisk && { rawDisk: image.rawDisk }),
    ...(image.deprecated && { deprecated: image.deprecated }),
    status: image.status,
    ...(image.status === "READY" && { archiveSizeBytes: image.archiveSizeBytes }),
    diskSizeGb: image.diskSizeGb,
    ...(sourceDisk && { sourceDisk: link(origin, sourceDisk.path), sourceDiskId: sourceDisk.id }),
    ...(sourceImage && { sourceImage: link(origin, sourceImage.path), sourceImageId: sourceImage.id }),
    ...(image.family && { family: image.family }),
    selfLink: link(origin, imagePath(image)),
    ...(image.labels && { labels: image.labels }),
    labelFingerprint: image.labelFingerprint,
    storageLocations: image.storageLocations,
    architecture: image.architecture,
    enableConfidentialCompute: false,
    ...image.kept,
  };
}

const usable = (image: StoredImage) => image.status === "READY" && (image.deprecated?.state ?? "ACTIVE") === "ACTIVE";

/** The head of a family: its newest image that is ready and not deprecated. */
export function headOf(cloud: Cloud, project: string, family: string): StoredImage | undefined {
  let head: StoredImage | undefined;
  // Of images made in the same instant, the one made last wins.
  for (const image of cloud.images.values())
    if (
      image.project === project &&
      image.family === family &&
      usable(image) &&
      (!head || image.created >= head.created)
    )
      head = image;
  return head;
}

/** Finds the image behind any way to name one, families included; no word yet on whether it may be used. */
export function findImage(cloud: Cloud, text: string, project: string): StoredImage | undefined {
  const ref = parseRef(cloud.world, text, project);
  if (!ref) return undefined;
  if (ref.collection === "imageFamilyViews") return headOf(cloud, ref.project, ref.name);
  if (ref.collection !== "images") return undefined;
  if (ref.name.startsWith("family/")) return headOf(cloud, ref.project, ref.name.slice("family/".length));
  return cloud.images.get(imagePath(ref));
}

/** Why an image cannot be used to make something new; texts as members of groups report them in their last attempt. */
export function refusal(image: StoredImage): { code: string; message: string; http: number } | undefined {
  const path = imagePath(image);
  if (image.status !== "READY")
    return { code: "RESOURCE_NOT_READY", message: `The resource '${path}' is not ready`, http: 400 };
  const state = image.deprecated?.state;
  if (state !== "OBSOLETE" && state !== "DELETED") return undefined;
  const replacement = image.deprecated?.replacement;
  const hint = replacement ? `A suggested replacement is '${replacement}'.` : "No replacement was specified.";
  return {
    code: `RESOURCE_${state}`,
    message: `The resource '${path}' is ${state.toLowerCase()}.  New uses are not allowed.  ${hint}`,
    http: 400,
  };
}
