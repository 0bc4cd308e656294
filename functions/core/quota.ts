import type { InstanceProperties } from "../../wire/compute.d.ts";
import { counts, mostAbove } from "./counts.ts";
import { familyOf, vcpusOf } from "./machinetype.ts";
import { type GroupView, type Inputs, isProblem, type QuotaView } from "./observation.ts";
import { groupKey, type Policy } from "./policy.ts";
import { bootDisk } from "./template.ts";

/** What a rollout needs of one quota beyond what is used now. */
export interface QuotaNeed {
  metric: string;
  region: string | null;
  needed: number;
  free: number;
  limit: number;
  /** The machines above, or the templates; only the first can be done without (`replace.scarce`). */
  what: "machines" | "templates";
}

/** `us-central1-a`, `us-central1` → `us-central1` */
export function regionOf(location: string): string {
  return location.replace(/-[a-z]$/, "");
}

/**
 * The needs that can be worked out from machine types and the quotas that were read. Waves follow one another, so the
 * largest of them counts; groups of one wave roll at the same time.
 */
export function quotaNeeds(
  policy: Policy,
  inputs: Pick<Inputs, "bases">,
  groups: ReadonlyMap<string, GroupView>,
  quotas: readonly QuotaView[],
): QuotaNeed[] {
  const needs = new Map<QuotaView, QuotaNeed>();
  const waves = new Set(policy.groups.map(({ wave }) => wave));
  for (const wave of waves) {
    const ofWave = new Map<QuotaView, number>();
    for (const ref of policy.groups.filter((group) => group.wave === wave)) {
      const key = groupKey(ref);
      const view = groups.get(key);
      const base = inputs.bases[key];
      if (!view || !base || isProblem(base)) continue;
      const above = mostAbove(policy.replace.above, counts(policy.steps, view.targetSize));
      for (const { quota, amount } of ofMachine(base, regionOf(ref.location), quotas))
        ofWave.set(quota, (ofWave.get(quota) ?? 0) + above * amount);
    }
    for (const [quota, needed] of ofWave)
      if (needed > (needs.get(quota)?.needed ?? 0)) needs.set(quota, need(quota, needed, "machines"));
  }
  const templates = quotas.find(({ metric, region }) => metric === "INSTANCE_TEMPLATES" && region === null);
  return [...needs.values(), ...(templates ? [need(templates, policy.groups.length, "templates")] : [])];
}

function need({ metric, region, limit, usage }: QuotaView, needed: number, what: QuotaNeed["what"]): QuotaNeed {
  return { metric, region, needed, free: Math.max(0, limit - usage), limit, what };
}

function ofMachine(
  base: InstanceProperties,
  region: string,
  quotas: readonly QuotaView[],
): { quota: QuotaView; amount: number }[] {
  const named = (metric: string, where: string | null = region) =>
    quotas.find((quota) => quota.metric === metric && quota.region === where);
  const machineType = base.machineType ?? "";
  const vcpus = vcpusOf(machineType);
  const disk = diskOf(base);
  const wants: [QuotaView | undefined, number | undefined][] = [
    [cpuQuota(base, machineType, named), vcpus],
    [named("CPUS_ALL_REGIONS", null), vcpus],
    [named("INSTANCES"), 1],
    [named("IN_USE_ADDRESSES"), externalAddresses(base)],
    [disk && named(disk.metric), disk?.gb],
  ];
  return wants.flatMap(([quota, amount]) => (quota && amount ? [{ quota, amount }] : []));
}

/** Families of their own have a quota of their own; the first ones share CPUS. */
function cpuQuota(
  base: InstanceProperties,
  machineType: string,
  named: (metric: string) => QuotaView | undefined,
): QuotaView | undefined {
  const scheduling = memberOf(base, "scheduling");
  if (memberOf(scheduling, "preemptible") === true || memberOf(scheduling, "provisioningModel") === "SPOT") {
    const spot = named("PREEMPTIBLE_CPUS");
    // Without a quota of their own, Spot machines count as others do.
    if (spot && spot.limit > 0) return spot;
  }
  const family = familyOf(machineType);
  return named(`${family.toUpperCase()}_CPUS`) ?? (/^(e2|n1|f1|g1)$/.test(family) ? named("CPUS") : undefined);
}

function diskOf(base: InstanceProperties): { metric: string; gb: number } | undefined {
  const { diskSizeGb, diskType = "pd-standard" } = bootDisk(base)?.initializeParams ?? {};
  const type = diskType.slice(diskType.lastIndexOf("/") + 1);
  const metric = type === "pd-standard" ? "DISKS_TOTAL_GB" : /^pd-(ssd|balanced)$/.test(type) ? "SSD_TOTAL_GB" : null;
  return metric && diskSizeGb ? { metric, gb: Number(diskSizeGb) } : undefined;
}

function externalAddresses(base: InstanceProperties): number {
  const interfaces = base.networkInterfaces;
  if (!Array.isArray(interfaces)) return 0;
  return interfaces.filter((nic: unknown) => {
    const configs = memberOf(nic, "accessConfigs");
    return Array.isArray(configs) && configs.length > 0;
  }).length;
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
