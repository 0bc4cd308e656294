import type { Cloud } from "../cloud.ts";
import { findImage, imagePath, refusal, type StoredImage } from "../images/model.ts";
import { regionOf } from "../names.ts";
import type { Failure } from "../operations.ts";
import { isObject, type Json } from "../schema/check.ts";
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

/** Whether the zone has room and the project quota for one more. */
export function shortage(cloud: Cloud, plan: Plan): Failure | undefined {
  const { instancesPerRegion, exhaustedZones } = cloud.limits;
  const zone = `projects/${plan.project}/zones/${plan.zone}`;
  if (exhaustedZones.includes(plan.zone))
    return {
      code: "ZONE_RESOURCE_POOL_EXHAUSTED",
      http: 503,
      message: `The zone '${zone}' does not have enough resources available to fulfill the request.  Try a different zone, or try again later.`,
    };
  if (instancesPerRegion === null) return undefined;
  const region = regionOf(plan.zone);
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

export function makeInstance(cloud: Cloud, plan: Plan, ip: string, image?: StoredImage): StoredInstance {
  const { ids, clock, projectNumber } = cloud.world;
  const { properties, project, zone, name } = plan;
  const disks = disksOf(properties);
  const accounts = (properties.serviceAccounts ?? []) as { email?: string; scopes?: string[] }[];
  const tags = isObject(properties.tags) && Array.isArray(properties.tags.items) ? properties.tags.items : [];
  const nics = Array.isArray(properties.networkInterfaces) ? properties.networkInterfaces.filter(isObject) : [];
  const size = disks.find((disk) => disk.boot)?.initializeParams?.diskSizeGb;
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
    tags: tags.map(String),
    tagsFingerprint: ids.fingerprint(),
    ip,
    hostname: String(properties.hostname ?? `${name}.${zone}.c.${project}.internal`),
    networkInterfaces: nics.length > 0 ? nics : [{}],
    disks,
    diskId: ids.numeric(),
    diskSizeGb: String(size ?? image?.diskSizeGb ?? "10"),
    ...(image && { image: { path: imagePath(image), id: image.id } }),
    ...(image?.content !== undefined && { content: image.content }),
    serviceAccounts: accounts.map(({ email, scopes }) => ({
      email: !email || email === "default" ? `${projectNumber}-compute@developer.gserviceaccount.com` : email,
      scopes: scopes ?? [],
    })),
    kept: Object.fromEntries(Object.entries(properties).filter(([key]) => !OWN.has(key))),
    ...(plan.group !== undefined && { group: plan.group }),
  };
}
