import type { QuotaView } from "../core/observation.ts";
import type { Policy } from "../core/policy.ts";
import { regionOf } from "../core/quota.ts";
import type { Compute, Quota } from "../google/compute.ts";
import { orProblem } from "./problems.ts";

/** Quotas of the project and of the regions the fleet's groups are in. What may not be read is left out: it refuses nothing. */
export async function readQuotas(compute: Compute, policy: Policy): Promise<QuotaView[]> {
  const regions = [...new Set(policy.groups.map(({ location }) => regionOf(location)))];
  const [project, ...found] = await Promise.all([
    orProblem("quotas of the project", compute.projectQuotas()),
    ...regions.map(async (name) => orProblem(`quotas of ${name}`, compute.region(name))),
  ]);
  const view = (quotas: Quota[], region: string | null): QuotaView[] =>
    quotas.map(({ metric, limit, usage }) => ({ metric, region, limit, usage }));
  return [
    ...(Array.isArray(project) ? view(project, null) : []),
    ...found.flatMap((region, i) => ("problem" in region ? [] : view(region.quotas ?? [], regions[i] ?? null))),
  ];
}
