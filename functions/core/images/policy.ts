import { type Finding, Reader } from "../findings.ts";
import { NAME, NAME_FORM, PROJECT, readDuration } from "../fleetfile/forms.ts";

/** How long an image stays in each state before it goes one further, in milliseconds; null: it stays there. */
export interface Ages {
  /** ACTIVE, counted from its creation. */
  deprecate: number | null;
  /** DEPRECATED, counted as the next two from the date the state was recorded with. */
  obsolete: number | null;
  /** OBSOLETE. */
  delete: number | null;
  /** DELETED: after this it is gone. */
  remove: number | null;
}

/** What an operator decides about the images of a family. */
export interface FamilyPolicy {
  family: string;
  /** The project of its images. */
  project: string;
  rotate: Ages;
  /** So many of the newest ACTIVE images stay ACTIVE whatever their age; the head is the first of them. */
  retain: number;
  /** Projects whose machines, templates and images may need images of this family, beside those of fleets and its own. */
  consumers: string[];
}

export const FAMILY_FIELDS = ["family", "project", "rotate", "retain", "consumers"] as const;
export const AGE_FIELDS = ["deprecate", "obsolete", "delete", "remove"] as const;

/** With two images beside the head there is something to go back to, and something to go back to from there. */
export const DEFAULT_RETAIN = 3;

const MOST_RETAINED = 1_000;

/** Reads a family file. Returns every finding, or the policy with its defaults filled in; never both. */
export function readFamilyPolicy(document: unknown): { policy: FamilyPolicy } | { findings: Finding[] } {
  const reader = new Reader();
  const root = reader.object(document, "", FAMILY_FIELDS);
  if (!root) return { findings: reader.findings };
  const policy: FamilyPolicy = {
    family: reader.text(root.family, "family", NAME, NAME_FORM) ?? "",
    project: reader.text(root.project, "project", PROJECT, "a project id") ?? "",
    rotate: readAges(reader, root.rotate),
    retain: root.retain === undefined ? DEFAULT_RETAIN : (reader.whole(root.retain, "retain", 1, MOST_RETAINED) ?? 1),
    consumers: readConsumers(reader, root.consumers),
  };
  return reader.findings.length > 0 ? { findings: reader.findings } : { policy };
}

function readAges(reader: Reader, value: unknown): Ages {
  const ages: Ages = { deprecate: null, obsolete: null, delete: null, remove: null };
  if (value === undefined) {
    reader.note(
      "rotate",
      "missing-field",
      `"rotate" is missing; write {deprecate: 14d, obsolete: 30d, delete: 30d, remove: 7d}, or {} for no rotation`,
    );
    return ages;
  }
  const given = reader.object(value, "rotate", AGE_FIELDS);
  for (const field of AGE_FIELDS)
    if (given?.[field] !== undefined) ages[field] = readDuration(reader, given[field], `rotate.${field}`, 0, 1);
  return ages;
}

function readConsumers(reader: Reader, value: unknown): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    reader.note("consumers", "wrong-type", `"consumers" must be a list of project ids, such as [acme-web, acme-dev]`);
    return [];
  }
  const projects: string[] = [];
  for (const [i, item] of value.entries()) {
    const project = reader.text(item, `consumers[${i}]`, PROJECT, "a project id");
    if (project === undefined) continue;
    if (projects.includes(project))
      reader.note(`consumers[${i}]`, "duplicate", `"consumers[${i}]" names ${project} a second time`);
    projects.push(project);
  }
  return projects;
}
