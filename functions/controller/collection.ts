import { createHash } from "node:crypto";
import type { InstanceTemplate } from "../../wire/compute.d.ts";
import { collectable, type MadeTemplate, type References, referencesOf } from "../core/collect.ts";
import { instant } from "../core/instants.ts";
import { RELEASE_KEY } from "../core/template.ts";
import { isFailure } from "../google/failure.ts";
import { MADE_BY } from "./act.ts";
import type { Cloud } from "./cloud.ts";
import { readInstalled } from "./installed.ts";
import { member } from "./problems.ts";
import { loadRecords, projectsOf } from "./records.ts";

type Fleets = Awaited<ReturnType<typeof loadRecords>>;

/**
 * Deletes the templates that moult made and that nothing needs any more, in each project that a fleet is in. What could not
 * be read may need any of them, so then all are kept; each keep and delete is logged with its reason.
 */
export async function collectTemplates(cloud: Cloud): Promise<void> {
  const fleets = await loadRecords(cloud.state);
  for (const project of projectsOf(fleets.records, cloud.settings.project)) {
    try {
      await collectIn(cloud, project, fleets);
    } catch (problem) {
      // Another project's templates do not wait for this one's; tomorrow is soon enough.
      if (!isFailure(problem)) throw problem;
      cloud.log("WARNING", `templates of ${project} are not collected today: ${problem.message}`, {
        word: problem.kind,
        project,
      });
    }
  }
}

async function collectIn(cloud: Cloud, project: string, fleets: Fleets): Promise<void> {
  const compute = cloud.compute(project);
  // Before what refers to them: one that is made meanwhile is not in the list.
  const made = (await compute.templatesDescribed(MADE_BY)).flatMap(madeTemplate);
  if (made.length === 0) return;
  const references = await readReferences(cloud, project, fleets);
  const collected = collectable(made, references, instant(cloud.time.now()));
  for (const { name, why } of collected.keep)
    cloud.log("DEBUG", `template ${name} is kept: ${why}`, { word: "template-kept", project, template: name });
  for (const name of collected.delete) {
    const what = { project, template: name };
    try {
      await compute.deleteTemplate(name, requestIdOf(`collect:${project}:${name}`));
      cloud.log("INFO", `template ${name} is deleted: nothing needs it any more`, {
        word: "template-deleted",
        ...what,
      });
    } catch (problem) {
      if (!isFailure(problem)) throw problem;
      // Taken into use since it was looked at, and so not for deletion any more.
      const used = /resourceInUse|RESOURCE_IN_USE|being used by|already being used/.test(problem.message);
      cloud.log(used ? "INFO" : "WARNING", `template ${name} stays: ${problem.message}`, {
        word: used ? "template-kept" : problem.kind,
        ...what,
      });
      if (problem.kind === "unavailable") return;
    }
  }
}

function madeTemplate({ name, creationTimestamp = "", properties }: InstanceTemplate): MadeTemplate[] {
  const metadata = properties.metadata?.items?.find(({ key }) => key === RELEASE_KEY)?.value;
  const release = metadata === undefined ? undefined : member(metadata, "release");
  const created = Date.parse(creationTimestamp);
  // Somebody changed what moult had made, or described one of theirs so: not ours to delete.
  if (typeof release !== "string" || Number.isNaN(created)) return [];
  return [{ name, created: instant(created), release }];
}

/** What the fleets' records, their groups and the project's living machines need. */
async function readReferences(cloud: Cloud, project: string, { records, unread }: Fleets): Promise<References> {
  const { used, instances, unread: hidden } = await readInstalled(cloud, project, records);
  const references: References = {
    templates: [...records.flatMap((record) => referencesOf(record).templates), ...used],
    releases: records.flatMap((record) => referencesOf(record).releases),
    unread: [...unread.map((name) => `the record of ${name}`), ...hidden],
  };
  for (const { name, metadata } of instances) {
    const item = (key: string) => metadata.items?.find((entry) => entry.key === key)?.value;
    const template = item("instance-template");
    if (template) references.templates.push({ template, by: `instance ${name}` });
    const release = member(item(RELEASE_KEY) ?? "", "release");
    if (typeof release === "string") references.releases.push({ release, by: `instance ${name}` });
  }
  return references;
}

/** A UUID made from a text: deleting the same thing twice is one operation. */
export function requestIdOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
