import type { Cloud } from "../../functions/controller/cloud.ts";
import { readNeeds } from "../../functions/controller/needs.ts";
import { fleetNames, loadRecord } from "../../functions/controller/records.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import type { Roots } from "./gc.ts";

/** What fleets, templates and living machines need, of every installation that uses the bucket. */
export async function readRoots(installations: readonly Cloud[]): Promise<Roots> {
  const roots: Roots = { needs: [], unread: [] };
  for (const cloud of installations) {
    const found = await orUnread(roots, `the fleets in gs://${cloud.state.name}`, () => readNeeds(cloud));
    if (!found) continue;
    roots.unread.push(...found.unread);
    for (const { configCommit, by } of found.needs)
      if (configCommit !== null) roots.needs.push({ commit: configCommit, by });
  }
  return roots;
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
