import type { Instance } from "../../wire/compute.d.ts";
import { groupKey } from "../core/policy.ts";
import type { FleetRecord } from "../core/record.ts";
import { isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";

/** What is made from templates in a project: the groups of its fleets, and every machine. */
export interface Installed {
  /** Templates that groups use, by URL, and which group that is, as people read it. */
  used: { template: string; by: string }[];
  instances: Instance[];
  /** What could not be read: it may need anything. */
  unread: string[];
}

export async function readInstalled(cloud: Cloud, project: string, records: FleetRecord[]): Promise<Installed> {
  const compute = cloud.compute(project);
  const unread: string[] = [];
  const used: Installed["used"] = [];
  for (const { policy, active } of records) {
    if (policy?.project !== project) continue;
    for (const ref of active?.policy.groups ?? policy.groups) {
      const by = `group ${groupKey(ref)}`;
      const group = await orUnread(unread, by, () => compute.group(ref));
      const templates = [...(group?.versions ?? []), ...(group ? [group] : [])];
      for (const { instanceTemplate } of templates) if (instanceTemplate) used.push({ template: instanceTemplate, by });
    }
  }
  const instances = await orUnread(unread, `the instances of ${project}`, () => compute.instances());
  return { used, instances: instances ?? [], unread };
}

/** What was not read may need everything; a group that is gone is no failure, a project that is gone may be a wrong name. */
export async function orUnread<T>(unread: string[], what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (problem) {
    if (!isFailure(problem)) throw problem;
    unread.push(`${what} (${problem.message})`);
    return undefined;
  }
}
