import type { Image } from "../../wire/compute.d.ts";
import type { Problem } from "../core/observation.ts";
import { type GroupRef, groupKey } from "../core/policy.ts";
import { bootDisk, familyDisk } from "../core/template.ts";
import { lastSegment, openVersion } from "../core/wanted.ts";
import type { Compute, Disk } from "../google/compute.ts";
import { zoneOf } from "../google/listing.ts";
import { orProblem } from "./problems.ts";

/** How many machines a sentence names. */
const NAMED = 3;

/**
 * The image a group's machines run, by their boot disks: what a disk was made from is true whatever has happened to names and
 * families since. An empty group is taken at its template's word.
 */
export async function readRunning(compute: Compute, ref: GroupRef): Promise<Image | Problem> {
  const group = await orProblem(`group ${groupKey(ref)}`, compute.group(ref));
  if ("problem" in group) return group;
  const template = lastSegment(openVersion(group.versions)?.instanceTemplate ?? group.instanceTemplate ?? "");
  const machines = (await compute.managedInstances(ref)).filter(({ id }) => id !== undefined);
  if (machines.length === 0) return readTemplatesWord(compute, template);

  const zones = [...new Set(machines.map(({ instance }) => zoneOf(instance) ?? ref.location))];
  const disks = (await Promise.all(zones.map((zone) => compute.disks(zone)))).flat();
  const origins = originsOf(disks);
  const found = new Map<string, { source: string; machines: string[] }>();
  for (const { name, instance } of machines) {
    const origin = origins.get(`${zoneOf(instance) ?? ref.location}/${name}`);
    if (!origin)
      return problem(
        `machine ${name} has no boot disk that was made from an image; replace it, and the group is taken on`,
      );
    const { machines: names } = found.get(origin.id) ?? { machines: [] };
    found.set(origin.id, { source: origin.source, machines: [...names, name] });
  }
  const kinds = [...found];
  const [one, other] = kinds;
  if (!one) return problem("none of its machines has a boot disk yet");
  if (other) {
    const said = kinds
      .map(([, { source, machines: names }]) => `${lastSegment(source)} on ${listed(names)}`)
      .join("; ");
    return problem(`its machines run different images: ${said}. Bring them to one, and the group is taken on`);
  }
  return readImage(compute, one[0], one[1].source, template);
}

/** Boot disks by the machine they are attached to; a machine's own disk carries its name unless somebody chose another. */
function originsOf(disks: Disk[]): Map<string, { id: string; source: string }> {
  const origins = new Map<string, { id: string; source: string }>();
  for (const { name, users = [], sourceImageId, sourceImage = "", zone } of disks) {
    if (sourceImageId === undefined) continue;
    for (const user of users) {
      const key = `${zoneOf(user) ?? lastSegment(zone)}/${lastSegment(user)}`;
      if (!origins.has(key) || name === lastSegment(user)) origins.set(key, { id: sourceImageId, source: sourceImage });
    }
  }
  return origins;
}

async function readImage(compute: Compute, id: string, source: string, template: string): Promise<Image | Problem> {
  const [, project, name] = /projects\/([^/]+)\/global\/images\/([^/]+)$/.exec(source) ?? [];
  if (!project || !name) return problem(`its machines run image ${id}, and their disks do not say which that was`);
  const image = await orProblem(`image ${name} in ${project}`, compute.image(name, project));
  const back = "make an image again under its family, roll it out by hand, and the fleet can be taken on";
  if ("problem" in image && image.problem !== "missing") return image;
  if ("problem" in image || image.id !== id)
    return problem(
      `its machines run image ${name} (${id}) of ${project}, which is gone: they could not be put back. ${back}`,
    );
  const family = await namesFamily(compute, template);
  if (family)
    return problem(
      `its template ${template} names the image family ${family}, so the next machine may run another image than ${name}, which all run now; give the group a template that names ${name}`,
    );
  return image;
}

async function namesFamily(compute: Compute, template: string): Promise<string | undefined> {
  const found = await compute.template(template);
  return found && familyDisk(found.properties);
}

/** Of a group without machines: what its next one would run. */
async function readTemplatesWord(compute: Compute, name: string): Promise<Image | Problem> {
  const template = await orProblem(`template ${name}`, compute.template(name));
  if ("problem" in template) return template;
  const family = familyDisk(template.properties);
  if (family)
    return problem(
      `its template ${name} names the image family ${family}; give it a template that names the image its machines run`,
    );
  const source = bootDisk(template.properties)?.initializeParams?.sourceImage ?? "";
  const [, project, image] = /projects\/([^/]+)\/global\/images\/([^/]+)$/.exec(source) ?? [];
  if (!project || !image) return problem(`its template ${name} does not name an image`);
  return orProblem(`image ${image} in ${project}`, compute.image(image, project));
}

function listed(names: string[]): string {
  const more = names.length - NAMED;
  return more > 0 ? `${names.slice(0, NAMED).join(", ")} and ${more} more` : names.join(", ");
}

function problem(text: string): Problem {
  return { problem: "missing", text };
}
