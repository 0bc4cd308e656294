import type { Image } from "../../wire/compute.d.ts";
import { referencesOf } from "../core/collect.ts";
import { usesOfFleet } from "../core/images/fleetuses.ts";
import { usesOfProject } from "../core/images/inventory.ts";
import { UseIndex } from "../core/images/uses.ts";
import { instant } from "../core/instants.ts";
import type { FleetRecord } from "../core/record.ts";
import { isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";
import { fleetNames, loadRecord } from "./records.ts";

/** Everything that is known to need images, and what could not be read. */
export interface ImageUses {
  index: UseIndex;
  /** Images of each project that has been listed. */
  images: Map<string, Image[]>;
  /** By project: what of it could not be read. Fleets' records are not of a project. */
  unread: Map<string, string[]>;
  unreadFleets: string[];
  /** Projects that fleets have groups in. */
  fleetProjects: string[];
}

/**
 * Reads the fleets' records, and of each project its images, disks, templates and groups, once however many families there are.
 * Images come first: one that is made meanwhile is not among those that rotation judges.
 *
 * @param more projects beside those of the fleets
 */
export async function readImageUses(cloud: Cloud, more: Iterable<string>): Promise<ImageUses> {
  const uses: ImageUses = {
    index: new UseIndex(),
    images: new Map(),
    unread: new Map(),
    unreadFleets: [],
    fleetProjects: [],
  };
  const asked = new Set(more);
  for (const project of asked) await readImages(cloud, uses, project);
  const records = await readRecords(cloud, uses);
  const now = instant(cloud.time.now());
  for (const record of records) uses.index.add(usesOfFleet(record, now));
  const projects = records.flatMap(({ policy, active }) => [policy?.project, active?.policy.project]);
  uses.fleetProjects = [...new Set(projects.filter((each) => each !== undefined))];
  for (const project of uses.fleetProjects) if (!asked.has(project)) await readImages(cloud, uses, project);
  for (const project of new Set([...asked, ...uses.fleetProjects])) await readProject(cloud, uses, project, records);
  return uses;
}

async function readRecords(cloud: Cloud, uses: ImageUses): Promise<FleetRecord[]> {
  const records: FleetRecord[] = [];
  for (const fleet of await fleetNames(cloud.state))
    try {
      records.push((await loadRecord(cloud.state, fleet)).record);
    } catch (problem) {
      if (isFailure(problem, "unavailable")) throw problem;
      uses.unreadFleets.push(`the record of fleet ${fleet} (${(problem as Error).message})`);
    }
  return records;
}

async function readImages(cloud: Cloud, uses: ImageUses, project: string): Promise<void> {
  const images = await orUnread(uses, project, "the images", () => cloud.compute(project).images());
  if (images) uses.images.set(project, images);
}

async function readProject(
  cloud: Cloud,
  uses: ImageUses,
  project: string,
  records: readonly FleetRecord[],
): Promise<void> {
  const compute = cloud.compute(project);
  const [groups = [], templates = [], disks = []] = await Promise.all([
    orUnread(uses, project, "the instance groups", () => compute.allGroups()),
    orUnread(uses, project, "the instance templates", () => compute.allTemplates()),
    orUnread(uses, project, "the disks", () => compute.allDisks()),
  ]);
  const needed = records
    .filter(({ policy }) => policy?.project === project)
    .flatMap((each) => referencesOf(each).templates);
  const images = uses.images.get(project) ?? [];
  const found = usesOfProject({ project, groups, templates, disks, images }, needed);
  uses.index.add(found.uses);
  note(uses, project, found.unread);
}

/** A project that is not there may be one whose name was mistyped: it counts as unread, as any refusal does. */
async function orUnread<T>(
  uses: ImageUses,
  project: string,
  what: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (problem) {
    if (!isFailure(problem)) throw problem;
    note(uses, project, [`${what} of ${project} (${problem.message})`]);
    return undefined;
  }
}

function note({ unread }: ImageUses, project: string, what: readonly string[]): void {
  if (what.length > 0) unread.set(project, [...(unread.get(project) ?? []), ...what]);
}
