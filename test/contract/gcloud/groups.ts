import type { Gcloud } from "./gcloud.ts";

export const MANAGED = "compute instance-groups managed";
export const ZONE = "--zone=us-central1-a";
export const REGION = "--region=us-central1";
export const IN_ZONE = "zones/us-central1-a";
export const IN_REGION = "regions/us-central1";

export interface Group {
  name: string;
  targetSize: number;
  baseInstanceName: string;
  instanceTemplate: string;
  versions: {
    instanceTemplate: string;
    name?: string;
    targetSize?: { fixed?: number; percent?: number; calculated: number };
  }[];
  updatePolicy: Record<string, unknown>;
  autoHealingPolicies?: { healthCheck: string; initialDelaySec: number }[];
  status: { isStable: boolean; versionTarget: { isReached: boolean } };
  [other: string]: unknown;
}

export interface Member {
  name: string;
  id: string;
  instance: string;
  instanceStatus: string;
  currentAction: string;
  version: { instanceTemplate: string; name?: string };
  instanceHealth?: { detailedHealthState: string }[];
  preservedStateFromConfig?: { metadata?: Record<string, string>; disks?: Record<string, unknown> };
  preservedStateFromPolicy?: { disks?: Record<string, unknown>; internalIPs?: Record<string, unknown> };
}

/** Templates `one` and `two` of small machines. */
export async function prepareTemplates(cloud: Gcloud): Promise<void> {
  const create = (name: string) =>
    cloud.say(
      `compute instance-templates create ${name} --machine-type=e2-small --image-family=debian-12 --image-project=debian-cloud`,
    );
  await Promise.all([create("one"), create("two")]);
}

/** How many members run each template, by the template's short name. */
export async function mix(cloud: Gcloud, group: string, where: string): Promise<Record<string, number>> {
  const rows = await cloud.values(`${MANAGED} list-instances ${group} ${where}`, "version.instanceTemplate.basename()");
  const counts: Record<string, number> = {};
  for (const [template = ""] of rows) counts[template] = (counts[template] ?? 0) + 1;
  return counts;
}
