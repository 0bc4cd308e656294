import { gunzipSync } from "node:zlib";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { instancePath } from "../instances/model.ts";
import { parseRef, pathOf } from "../names.ts";
import type { Failure } from "../operations.ts";
import type { Json } from "../schema/check.ts";
import { findImage, imagePath, refusal, type StoredImage } from "./model.ts";

export type Source = Pick<StoredImage, "sourceImage" | "sourceDisk" | "rawDisk" | "content"> & {
  sizeGb?: string;
  /** Reads what has to be read, at the end of the operation. */
  read?(): { content: string; bytes: number } | Failure;
};

/**
 * Bucket and object of a storage URL: `gs://B/O`, `https://storage.googleapis.com/B/O`, `https://B.storage.googleapis.com/O`,
 * or a media or JSON API address `…/b/B/o/O` on any host (gcloud sends its storage endpoint).
 */
export function objectOf(url: string): { bucket: string; name: string } | undefined {
  const api = /\/b\/([^/]+)\/o\/([^?]+)/.exec(url);
  const found =
    api ??
    /^gs:\/\/([^/]+)\/(.+)$/.exec(url) ??
    /^https?:\/\/(?:storage\.googleapis\.com|storage\.cloud\.google\.com|commondatastorage\.googleapis\.com)\/([^/]+)\/([^?]+)/.exec(
      url,
    ) ??
    /^https?:\/\/([^/]+)\.storage\.googleapis\.com\/([^?]+)/.exec(url) ??
    // The emulator's own address in the XML style.
    /^http:\/\/[^/]+\/([^/]+)\/([^?]+)/.exec(url);
  if (!found?.[1] || !found[2]) return undefined;
  try {
    return { bucket: found[1], name: decodeURIComponent(found[2]) };
  } catch {
    return { bucket: found[1], name: found[2] };
  }
}

/** The one source an image is made from. Throws what the service answers when there is none, or more, or it is unknown. */
export function sourceOf(cloud: Cloud, body: Json, project: string, force: boolean): Source {
  const raw = body.rawDisk as { source?: string } | undefined;
  const { sourceImage, sourceDisk, sourceSnapshot } = body as Record<string, string | undefined>;
  const given = [raw?.source, sourceImage, sourceDisk, sourceSnapshot].filter(Boolean);
  if (given.length !== 1) throw errors.usage("Must specify exactly one source for an image.");
  if (sourceSnapshot) throw errors.notEmulated("images.insert with sourceSnapshot: snapshots");
  if (sourceImage) return fromImage(cloud, sourceImage, project);
  if (sourceDisk) return fromDisk(cloud, sourceDisk, project, force);
  return fromStorage(cloud, raw?.source ?? "", body.rawDisk as Json);
}

function fromImage(cloud: Cloud, text: string, project: string): Source {
  const image = findImage(cloud, text, project);
  if (!image) throw errors.value("resource.sourceImage", text, "The referenced image resource cannot be found.");
  const why = refusal(image);
  if (why?.code === "RESOURCE_NOT_READY") throw errors.notReady(imagePath(image));
  if (why) throw errors.value("resource.sourceImage", text, why.message);
  return {
    sourceImage: { path: imagePath(image), id: image.id },
    sizeGb: image.diskSizeGb,
    ...(image.content !== undefined && { content: image.content }),
  };
}

/** What is written to meanwhile would be half in the image: only a caller who forces it gets one of a running machine. */
function fromDisk(cloud: Cloud, text: string, project: string, force: boolean): Source {
  const ref = parseRef(cloud.world, text, project);
  const owner = ref && cloud.instances.get(pathOf({ ...ref, collection: "instances" }));
  // Only boot disks of machines have bytes here.
  if (ref?.collection === "disks" && !owner && cloud.disks.has(pathOf(ref)))
    throw errors.notEmulated("images.insert from a disk that no instance boots from");
  if (ref?.collection !== "disks" || !owner)
    throw errors.value("resource.sourceDisk", text, "The referenced disk resource cannot be found.");
  if (!force && owner.status !== "TERMINATED") throw errors.inUse("disk", pathOf(ref), instancePath(owner));
  return {
    sourceDisk: { path: pathOf(ref), id: owner.diskId },
    sizeGb: owner.diskSizeGb,
    ...(owner.content !== undefined && { content: owner.content }),
  };
}

function fromStorage(cloud: Cloud, url: string, rawDisk: Json): Source {
  const object = objectOf(url);
  if (!object) throw errors.value("resource.rawDisk.source", url, "The provided source is not a supported file.");
  return {
    rawDisk: { containerType: "TAR", ...rawDisk, source: url },
    read: () => {
      const bytes = cloud.world.doors.readObject(object.bucket, object.name);
      const failure = (message: string) => ({ code: "INVALID_ARGUMENT", http: 400, message });
      if (!bytes)
        return failure(`The Google Cloud Storage object 'gs://${object.bucket}/${object.name}' cannot be read.`);
      try {
        gunzipSync(bytes);
      } catch {
        return failure(`The file 'gs://${object.bucket}/${object.name}' is not a tar file compressed with gzip.`);
      }
      return { content: cloud.machines.addContent(bytes), bytes: bytes.length };
    },
  };
}
