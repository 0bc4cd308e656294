import type { Cloud } from "../../functions/controller/cloud.ts";
import { readNeeds } from "../../functions/controller/needs.ts";
import { fleetNames, loadRecord } from "../../functions/controller/records.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import { RELEASE_KEY } from "../../functions/core/template.ts";
import { aggregated } from "../../functions/google/compute.ts";
import type { Rest } from "../../functions/google/rest.ts";
import type { InstanceTemplate } from "../../wire/compute.d.ts";
import type { Root, Roots } from "./gc.ts";
import { DIGEST } from "./objects.ts";

/** A state bucket with its fleets, and a way to ask Compute Engine. */
export interface Installation {
  cloud: Cloud;
  rest: Rest;
}

/** What fleets, templates and living machines need, of every installation that uses the bucket. */
export async function readRoots(installations: readonly Installation[]): Promise<Roots> {
  const roots: Roots = { needs: [], unread: [] };
  for (const { cloud, rest } of installations) {
    const where = `gs://${cloud.state.name}`;
    const found = await orUnread(roots, `the fleets in ${where}`, () => readNeeds(cloud));
    if (!found) continue;
    roots.unread.push(...found.unread);
    for (const { configCommit, by } of found.needs)
      if (configCommit !== null) roots.needs.push({ commit: configCommit, by });
    const projects = new Set([cloud.settings.project, ...found.records.flatMap(({ policy }) => policy?.project ?? [])]);
    // Those that moult did not make and no group uses are not among the fleets' needs; a person may have kept one to go back to.
    for (const project of projects)
      await orUnread(roots, `the templates of ${project}`, async () => {
        const templates = await aggregated<InstanceTemplate>(rest, project, "instanceTemplates");
        roots.needs.push(...templates.flatMap(needOf));
      });
  }
  return roots;
}

function needOf({ name, properties }: InstanceTemplate): Root[] {
  const text = properties.metadata?.items?.find(({ key }) => key === RELEASE_KEY)?.value;
  const commit = /"commit"\s*:\s*"([0-9a-f]{64})"/.exec(text ?? "")?.[1];
  return commit !== undefined && DIGEST.test(commit) ? [{ commit, by: `template ${name}` }] : [];
}

async function orUnread<T>({ unread }: Roots, what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (problem) {
    if (!(problem instanceof Error)) throw problem;
    unread.push(`${what} (${problem.message})`);
    return undefined;
  }
}

export interface FleetsOfRef {
  fleets: { fleet: string; what: string }[];
  unread: string[];
}

/** The fleets that a move of the ref is news to, and what each will do about it. */
export async function fleetsOf(cloud: Cloud, ref: string): Promise<FleetsOfRef> {
  const found: FleetsOfRef = { fleets: [], unread: [] };
  for (const fleet of await fleetNames(cloud.state))
    try {
      const { record } = await loadRecord(cloud.state, fleet);
      if (record.policy?.config?.ref === ref) found.fleets.push({ fleet, what: whatItDoes(record) });
    } catch (problem) {
      if (!(problem instanceof Error)) throw problem;
      found.unread.push(`the record of fleet ${fleet} (${problem.message})`);
    }
  return found;
}

function whatItDoes({ policy, hold, active }: FleetRecord): string {
  if (hold) return `is held (${hold.reason}): begins when the hold ends`;
  if (policy?.mode === "observe") return "only says what it would do: its mode is observe";
  if (policy?.mode === "approve") return "asks for an approval, then makes a rollout";
  if (active) return `makes a rollout after ${active.id}, which is under way`;
  return "makes a rollout";
}
