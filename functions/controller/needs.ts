import type { InstanceTemplate, MetadataItems } from "../../wire/compute.d.ts";
import type { FleetRecord } from "../core/record.ts";
import { type Release, short } from "../core/release.ts";
import { RELEASE_KEY } from "../core/template.ts";
import { lastSegment } from "../core/wanted.ts";
import type { Cloud } from "./cloud.ts";
import { orUnread, readInstalled } from "./installed.ts";
import { loadRecords, projectsOf } from "./records.ts";

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

/** Everything that names a commit or a secret's version: records, every template of their projects, living machines. */
export async function readNeeds(cloud: Cloud): Promise<Needs> {
  const { records, unread } = await loadRecords(cloud.state);
  const needs: Needs = {
    needs: records.flatMap(needsOf),
    records,
    unread: unread.map((fleet) => `the record of ${fleet}`),
  };
  for (const project of projectsOf(records, cloud.settings.project)) await readProject(cloud, project, needs);
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

async function readProject(cloud: Cloud, project: string, { needs, records, unread }: Needs): Promise<void> {
  // Those that moult did not make too: a person may have kept one to go back to.
  const read = () => cloud.compute(project).allTemplates();
  const templates = (await orUnread(unread, `the templates of ${project}`, read)) ?? [];
  const installed = await readInstalled(cloud, project, records);
  const used = new Map(installed.used.map(({ template, by }) => [lastSegment(template), by]));
  for (const template of templates) needs.push(...needOfTemplate(template, used.get(template.name)));
  for (const { name, metadata } of installed.instances) {
    const found = releaseOf(metadata);
    if (found) needs.push({ weight: "runs", by: `instance ${name}`, live: true, ...found });
  }
  unread.push(...installed.unread);
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
  const { commit } = members(config);
  return {
    // One that was changed by hand needs what it names all the same.
    release: typeof release === "string" ? release : "",
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
