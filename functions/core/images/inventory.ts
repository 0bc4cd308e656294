import type { Image, InstanceTemplate, ManagerVersion } from "../../../wire/compute.d.ts";
import { urlPath } from "../wanted.ts";
import { imageNamed, type Use } from "./uses.ts";

/** What of a project can need images. */
export interface Inventory {
  project: string;
  disks: readonly InventoryDisk[];
  templates: readonly InstanceTemplate[];
  groups: readonly InventoryGroup[];
  images: readonly Image[];
}

export interface InventoryDisk {
  name: string;
  /** URLs; a regional disk has a region. */
  zone?: string;
  region?: string;
  /** Of the image it was made from, which may be gone. */
  sourceImageId?: string;
  /** URLs of the instances it is attached to. */
  users?: string[];
}

export interface InventoryGroup {
  name: string;
  zone?: string;
  region?: string;
  instanceTemplate?: string;
  versions?: ManagerVersion[];
}

export interface Found {
  uses: Use[];
  /** What is named and is not in the inventory: it may need anything. */
  unread: string[];
}

/**
 * The images that a project's groups, disks and images need: templates by the name they say, all else by numeric id. A template
 * that no group uses and that is not among `needed` needs nothing.
 *
 * @param needed templates that something outside the project's groups needs, by name or URL, and what that is
 */
export function usesOfProject(inventory: Inventory, needed: readonly { template: string; by: string }[]): Found {
  const { project, disks, groups, images } = inventory;
  const templates = new Map(
    inventory.templates.map((template) => [keyOf(template.selfLink ?? template.name), template]),
  );
  const found: Found = { uses: [], unread: [] };
  const usesOf = ({ name, properties }: InstanceTemplate, by: string) => {
    for (const { initializeParams } of properties.disks ?? []) {
      const image = imageNamed(initializeParams?.sourceImage ?? "", project);
      if (image) found.uses.push({ image, by: `template ${name} of ${by}` });
    }
  };
  for (const { template: url, by } of needed) {
    const template = templates.get(keyOf(url));
    // One that a record names and that is gone can be used by nobody any more.
    if (template) usesOf(template, by);
  }
  for (const group of groups) {
    const by = `group ${placeOf(group)}/${group.name}`;
    const urls = [...(group.versions ?? []).map(({ instanceTemplate }) => instanceTemplate), group.instanceTemplate];
    for (const url of new Set(urls.filter((each) => each !== undefined && each !== ""))) {
      const template = templates.get(keyOf(url ?? ""));
      if (template) usesOf(template, by);
      else found.unread.push(`template ${url} of ${by} in ${project}`);
    }
  }
  for (const { name, sourceImageId, users = [], ...place } of disks) {
    if (sourceImageId === undefined) continue;
    const machines = users.map((url) => url.slice(url.lastIndexOf("/") + 1));
    const of = machines.length > 0 ? ` of instance ${machines.join(", ")}` : ", which no instance uses,";
    found.uses.push({ image: { id: sourceImageId }, by: `disk ${name}${of} in ${project}/${placeOf(place)}` });
  }
  for (const { name, sourceImageId } of images)
    if (sourceImageId !== undefined)
      found.uses.push({ image: { id: sourceImageId }, by: `image ${name} of ${project}, which was made from it` });
  return found;
}

function placeOf({ zone, region }: { zone?: string; region?: string }): string {
  const url = zone ?? region ?? "";
  return url.slice(url.lastIndexOf("/") + 1);
}

/** A template is known by its name, and a regional one by its region as well. */
function keyOf(url: string): string {
  const [, region, name] = /regions\/([^/]+)\/instanceTemplates\/([^/]+)$/.exec(urlPath(url)) ?? [];
  return name === undefined ? url.slice(url.lastIndexOf("/") + 1) : `${region}/${name}`;
}
