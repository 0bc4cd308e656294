import type { AttachedDisk, InstanceProperties } from "../../wire/compute.d.ts";
import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import { canonical, type Sha256 } from "./canonical.ts";
import type { ImageRef } from "./release.ts";

export const RELEASE_KEY = "moult-release";

/** Maps whose keys people choose: a label may well be called `kind`. */
const FREE_KEYS = new Set(["labels", "resourceManagerTags", "partnerMetadata"]);

/** Drops what Compute adds to what it returns and refuses or ignores on insert. */
function withoutOutput(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOutput);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => {
      if (FREE_KEYS.has(key)) return [[key, member]];
      if (key === "fingerprint" || (key === "kind" && String(member).startsWith("compute#"))) return [];
      return [[key, withoutOutput(member)]];
    }),
  );
}

/** A base template as opaque JSON, without what Compute adds. */
export function baseProperties(properties: InstanceProperties): InstanceProperties {
  const stripped = withoutOutput(properties) as InstanceProperties;
  // Compute numbers the disks itself; an `index` in an insert is output echoed back.
  return stripped.disks
    ? { ...stripped, disks: stripped.disks.map(({ index: _, ...disk }): AttachedDisk => disk) }
    : stripped;
}

export function bootDisk(properties: InstanceProperties): AttachedDisk | undefined {
  return properties.disks?.find((disk) => disk.boot);
}

/** An image named by its family somewhere among the disks: which image that is would be decided anew for each machine. */
export function familyDisk(properties: InstanceProperties): string | undefined {
  return properties.disks
    ?.map((disk) => disk.initializeParams?.sourceImage ?? "")
    .find((source) => /\/(images\/family|imageFamilyViews)\//.test(source));
}

/** Digest over everything of a base except the boot image and moult's own metadata (DESIGN §5). */
export function baseDigest(properties: InstanceProperties, sha256: Sha256): string {
  const base = baseProperties(properties);
  const disks = base.disks?.map((disk) =>
    disk.boot && disk.initializeParams
      ? { ...disk, initializeParams: { ...disk.initializeParams, sourceImage: undefined } }
      : disk,
  );
  const items = base.metadata?.items?.filter(({ key }) => key !== RELEASE_KEY);
  return sha256(
    canonical({ ...base, ...(disks && { disks }), ...(items && { metadata: { ...base.metadata, items } }) }),
  );
}

/** The base with the boot image and `moult-release` set, and nothing else touched. */
export function renderTemplate(
  base: InstanceProperties,
  image: ImageRef,
  release: ReleaseMetadata,
): InstanceProperties {
  const properties = baseProperties(base);
  const sourceImage = `projects/${image.project}/global/images/${image.name}`;
  const disks = properties.disks?.map((disk) =>
    disk.boot ? { ...disk, initializeParams: { ...disk.initializeParams, sourceImage } } : disk,
  );
  const others = properties.metadata?.items?.filter(({ key }) => key !== RELEASE_KEY) ?? [];
  const items = [...others, { key: RELEASE_KEY, value: canonical(release) }];
  return { ...properties, ...(disks && { disks }), metadata: { ...properties.metadata, items } };
}

/** Name of the template of a release in a group: the group's name, cut, and a digest of what it holds and where. */
export function templateName(
  group: { location: string; name: string },
  properties: InstanceProperties,
  sha256: Sha256,
): string {
  const stem = group.name.slice(0, 40).replace(/-+$/, "");
  return `${stem}-${sha256(canonical({ location: group.location, group: group.name, properties })).slice(0, 12)}`;
}
