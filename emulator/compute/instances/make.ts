import type { Cloud } from "../cloud.ts";
import { sourceOf } from "../disks/model.ts";
import { findImage, imagePath, refusal, type StoredImage } from "../images/model.ts";
import { regionOf } from "../names.ts";
import type { Failure } from "../operations.ts";
import { isObject, type Json } from "../schema/check.ts";
import { interfacesOf } from "./accessconfigs.ts";
import { itemsOf, type StoredInstance } from "./model.ts";

/** What a machine is made of: a template's properties or the body of instances.insert. */
export interface Plan {
  project: string;
  zone: string;
  name: string;
  properties: Json;
  /** Metadata over what the properties say. */
  metadata?: Record<string, string>;
  group?: string;
  /** Its address; any free one when left out. */
  ip?: string;
  /** Its external address; what its properties ask for when left out. */
  natIp?: string;
}

interface Disk extends Json {
  boot?: boolean;
  initializeParams?: { sourceImage?: string; diskSizeGb?: string };
}

export function disksOf(properties: Json): Disk[] {
  return Array.isArray(properties.disks) ? properties.disks.filter(isObject) : [];
}

/** The image of the boot disk, or why no machine can be made of it now. A family is resolved here, when the machine is made. */
export function bootImage(cloud: Cloud, plan: Plan): { image?: StoredImage } | Failure {
  const source = disksOf(plan.properties).find((disk) => disk.boot)?.initializeParams?.sourceImage;
  if (!source) return {};
  const image = findImage(cloud, source, plan.project);
  if (!image)
    return {
      code: "RESOURCE_NOT_FOUND",
      http: 404,
      message: `The resource '${source.slice(Math.max(0, source.indexOf("projects/")))}' was not found`,
    };
  return refusal(image) ?? { image };
}

/** The faults that people added for machines that are made: this zone has no room, or there is no more of a metric. */
function wantsTrouble({ world }: Cloud, plan: Plan): { stockOut: boolean; metric?: string } {
  const subject = {
    service: "compute",
    method: "compute.instances.insert",
    resource: `projects/${plan.project}/zones/${plan.zone}/instances/${plan.name}`,
    zone: plan.zone,
    principal: () => `${world.projectNumber}@cloudservices.gserviceaccount.com`,
  };
  const struck = world.faults?.take(subject, "machine").map((fault) => fault.do) ?? [];
  const metric = struck.find(({ quota }) => quota !== undefined)?.quota;
  return { stockOut: struck.some(({ stockOut }) => stockOut !== undefined), ...(metric && { metric }) };
}

/** Whether the zone has room and the project quota for one more. */
export function shortage(cloud: Cloud, plan: Plan): Failure | undefined {
  const { instancesPerRegion, exhaustedZones } = cloud.limits;
  const zone = `projects/${plan.project}/zones/${plan.zone}`;
  const { stockOut, metric } = wantsTrouble(cloud, plan);
  if (stockOut || exhaustedZones.includes(plan.zone))
    return {
      code: "ZONE_RESOURCE_POOL_EXHAUSTED",
      http: 503,
      message: `The zone '${zone}' does not have enough resources available to fulfill the request.  Try a different zone, or try again later.`,
    };
  const region = regionOf(plan.zone);
  if (metric !== undefined)
    return {
      code: "QUOTA_EXCEEDED",
      http: 403,
      message: `Quota '${metric}' exceeded.  Limit: 0.0 in region ${region}.`,
    };
  if (instancesPerRegion === null) return undefined;
  let count = 0;
  for (const instance of cloud.instances.values())
    if (instance.project === plan.project && regionOf(instance.zone) === region) count++;
  return count < instancesPerRegion
    ? undefined
    : {
        code: "QUOTA_EXCEEDED",
        http: 403,
        message: `Quota 'INSTANCES' exceeded.  Limit: ${instancesPerRegion}.0 in region ${region}.`,
      };
}

const OWN = new Set([
  ...["name", "zone", "disks", "metadata", "labels", "tags", "networkInterfaces", "serviceAccounts", "machineType"],
  ...["kind", "id", "selfLink", "status", "creationTimestamp", "hostname", "labelFingerprint", "fingerprint"],
]);

/** What a machine has of its template that can change without making it again, besides metadata and labels. */
export function changeable(cloud: Cloud, properties: Json): Pick<StoredInstance, "tags" | "serviceAccounts" | "kept"> {
  const accounts = (properties.serviceAccounts ?? []) as { email?: string; scopes?: string[] }[];
  const tags = isObject(properties.tags) && Array.isArray(properties.tags.items) ? properties.tags.items : [];
  return {
    tags: tags.map(String),
    serviceAccounts: accounts.map(({ email, scopes }) => ({
      email:
        !email || email === "default" ? `${cloud.world.projectNumber}-compute@developer.gserviceaccount.com` : email,
      scopes: scopes ?? [],
    })),
    kept: Object.fromEntries(Object.entries(properties).filter(([key]) => !OWN.has(key))),
  };
}

export function makeInstance(cloud: Cloud, plan: Plan, ip: string, image?: StoredImage): StoredInstance {
  const { ids, clock } = cloud.world;
  const { properties, project, zone, name } = plan;
  const disks = disksOf(properties);
  const nics = Array.isArray(properties.networkInterfaces) ? properties.networkInterfaces.filter(isObject) : [];
  const boot = disks.find((disk) => disk.boot);
  const own = boot && sourceOf(cloud, boot, project);
  const size = boot?.initializeParams?.diskSizeGb ?? own?.sizeGb;
  // A disk that was made of an image holds what the image holds, until a machine has had it.
  const source = own?.image && cloud.images.get(own.image.path);
  const content = image?.content ?? (source?.id === own?.image?.id ? source?.content : undefined);
  const made = image ? { path: imagePath(image), id: image.id } : own?.image;
  return {
    project,
    zone,
    id: ids.numeric(),
    name,
    created: clock.now(),
    status: "PROVISIONING",
    machineType: String(properties.machineType ?? "e2-micro"),
    metadata: { ...itemsOf(properties.metadata), ...plan.metadata },
    metadataFingerprint: ids.fingerprint(),
    labels: (properties.labels ?? {}) as Record<string, string>,
    labelFingerprint: ids.fingerprint(),
    ...changeable(cloud, properties),
    tagsFingerprint: ids.fingerprint(),
    ip,
    hostname: String(properties.hostname ?? `${name}.${zone}.c.${project}.internal`),
    networkInterfaces: interfacesOf(nics.length > 0 ? nics : [{}], plan.natIp),
    // Its own: what is attached to one machine says nothing about the next of the same template.
    disks: disks.map((disk) => ({ ...disk })),
    diskId: own?.id ?? ids.numeric(),
    diskSizeGb: String(size ?? image?.diskSizeGb ?? "10"),
    ...(made && { image: made }),
    ...(content !== undefined && { content }),
    ...(plan.group !== undefined && { group: plan.group }),
  };
}
