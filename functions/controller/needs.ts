import type { InstanceTemplate, MetadataItems } from "../../wire/compute.d.ts";
import { groupKey } from "../core/policy.ts";
import type { FleetRecord } from "../core/record.ts";
import { type Release, short } from "../core/release.ts";
import { RELEASE_KEY } from "../core/template.ts";
import { lastSegment } from "../core/wanted.ts";
import { isFailure } from "../google/failure.ts";
import { MADE_BY } from "./act.ts";
import type { Cloud } from "./cloud.ts";
import { fleetNames, loadRecord } from "./records.ts";

/**
 * How much depends on it. `runs`: machines run it, or are made from it without anybody's asking. `next`: a rollout may begin
 * with it. `rollback`: only going back to it. `idle`: a template that no group uses.
 */
export type Weight = "runs" | "next" | "rollback" | "idle";

/** Something that names a configuration commit and versions of secrets. */
export interface Need {
  weight: Weight;
  /** As people read it: `the stable release 3f2a… of fleet web`, `instance web-x1c9`. */
  by: string;
  /** An instance that lives now. */
  live: boolean;
  release: string;
  configCommit: string | null;
  /** Manifest's name → full name of the version. */
  secrets: Record<string, string>;
}

export interface Needs {
  needs: Need[];
  records: FleetRecord[];
  /** What could not be read: it may need anything, so nothing may be taken for unneeded. */
  unread: string[];
}

/** Everything that names a commit or a secret's version: records, groups' templates, idle templates, living machines. */
export async function readNeeds(cloud: Cloud): Promise<Needs> {
  const needs: Needs = { needs: [], records: [], unread: [] };
  for (const fleet of await fleetNames(cloud.state))
    try {
      needs.records.push((await loadRecord(cloud.state, fleet)).record);
    } catch (problem) {
      if (isFailure(problem, "unavailable")) throw problem;
      needs.unread.push(`the record of ${fleet}`);
    }
  needs.needs.push(...needs.records.flatMap(needsOf));
  const projects = new Set([cloud.settings.project, ...needs.records.flatMap(({ policy }) => policy?.project ?? [])]);
  for (const project of projects) await readProject(cloud, project, needs);
  return needs;
}

function needsOf(record: FleetRecord): Need[] {
  const { fleet, stable, previous, candidate, pending, active } = record;
  const need = (weight: Weight, what: string, { digest, configCommit, secrets }: Release): Need => ({
    weight,
    by: `the ${what} release ${short(digest)} of fleet ${fleet}`,
    live: false,
    release: digest,
    configCommit,
    secrets,
  });
  return [
    ...(stable ? [need("runs", "stable", stable.release)] : []),
    ...(active ? [need("runs", "coming", active.to), need("runs", "former", active.from.release)] : []),
    ...(candidate && candidate.release.digest !== stable?.release.digest
      ? [need("next", "candidate", candidate.release)]
      : []),
    ...(pending ? [need("next", "pending", pending.release)] : []),
    ...previous.map((kept) => need("rollback", "previous", kept.release)),
  ];
}

async function readProject(cloud: Cloud, project: string, needs: Needs): Promise<void> {
  const compute = cloud.compute(project);
  const used = new Map<string, string>();
  for (const { policy, active } of needs.records) {
    if (policy?.project !== project) continue;
    for (const ref of active?.policy.groups ?? policy.groups) {
      const what = `group ${groupKey(ref)}`;
      const group = await orUnread(needs, what, () => compute.group(ref));
      for (const { instanceTemplate } of group?.versions ?? [])
        if (instanceTemplate) used.set(lastSegment(instanceTemplate), what);
    }
  }
  const templates =
    (await orUnread(needs, `the templates of ${project}`, () => compute.templatesDescribed(MADE_BY))) ?? [];
  const known = new Set(templates.map(({ name }) => name));
  for (const [name, what] of used) {
    if (known.has(name)) continue;
    // Somebody else's template may carry a release too.
    const found = await orUnread(needs, `template ${name} of ${what}`, () => compute.template(name));
    if (found) templates.push(found);
  }
  for (const template of templates) needs.needs.push(...needOfTemplate(template, used.get(template.name)));
  for (const { name, metadata } of (await orUnread(needs, `the instances of ${project}`, () => compute.instances())) ??
    []) {
    const found = releaseOf(metadata);
    if (found) needs.needs.push({ weight: "runs", by: `instance ${name}`, live: true, ...found });
  }
}

function needOfTemplate({ name, properties }: InstanceTemplate, group: string | undefined): Need[] {
  const found = releaseOf(properties.metadata);
  if (!found) return [];
  const by = group === undefined ? `template ${name}, which no group uses` : `template ${name} of ${group}`;
  return [{ weight: group === undefined ? "idle" : "runs", by, live: false, ...found }];
}

/** What an instance or a template is told to be, by its `moult-release`; undefined where that is absent or no such thing. */
function releaseOf(
  metadata: MetadataItems | undefined,
): Pick<Need, "release" | "configCommit" | "secrets"> | undefined {
  const text = metadata?.items?.find(({ key }) => key === RELEASE_KEY)?.value;
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { release, config, secrets } = members(value);
  if (typeof release !== "string") return undefined;
  const { commit } = members(config);
  return {
    release,
    configCommit: typeof commit === "string" ? commit : null,
    secrets: Object.fromEntries(
      Object.entries(members(secrets)).flatMap(([name, version]) =>
        typeof version === "string" ? [[name, version]] : [],
      ),
    ),
  };
}

function members(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** What is gone needs nothing; anything else that was not read may need everything. */
async function orUnread<T>({ unread }: Needs, what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (problem) {
    if (!isFailure(problem)) throw problem;
    if (problem.kind !== "missing") unread.push(`${what} (${problem.message})`);
    return undefined;
  }
}
