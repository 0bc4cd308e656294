import type { Image, InstanceTemplate } from "../../wire/compute.d.ts";
import { instant } from "../core/instants.ts";
import type { GroupView, Inputs, Observation, Problem } from "../core/observation.ts";
import { type GroupRef, groupKey, type Policy } from "../core/policy.ts";
import type { FleetRecord } from "../core/record.ts";
import { isUntouched } from "../core/supersede.ts";
import { bootDisk, familyDisk, RELEASE_KEY } from "../core/template.ts";
import { lastSegment, openVersion } from "../core/wanted.ts";
import type { Compute } from "../google/compute.ts";
import { type Failure, isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";
import { readCommands } from "./commands.ts";
import { readReports } from "./reports.ts";

/** Reads what a decision about this fleet needs, and changes nothing. */
export async function observe(cloud: Cloud, record: FleetRecord, refusal: string | undefined): Promise<Observation> {
  const commands = await readCommands(cloud, record.fleet);
  const applied = commands.findLast((command) => command.kind === "apply");
  // A rollout goes on with the fleet file it began with, whatever is applied meanwhile.
  const policy = record.active?.policy ?? (applied?.kind === "apply" ? applied.policy : record.policy);
  const seen: Observation = {
    at: instant(cloud.time.now()),
    commands,
    groups: {},
    reports: [],
    templates: {},
    ...(refusal && { refusal }),
  };
  if (!policy) return seen;
  const compute = cloud.compute(policy.project);
  const { active } = record;
  const untouched = !active || isUntouched(active);

  const [groups, inputs, reports, templates] = await Promise.all([
    Promise.all(
      policy.groups.map(async (ref) => [groupKey(ref), await readGroup(compute, ref, active !== null)] as const),
    ),
    untouched ? readInputs(cloud, compute, policy, record.stable === null) : undefined,
    active?.reports ? readReports(cloud, record.fleet, active.to.digest) : [],
    active?.phase === "prepared" ? readTemplates(compute, record) : {},
  ]);
  return { ...seen, groups: Object.fromEntries(groups), ...(inputs && { inputs }), reports, templates };
}

/** A refusal or an absence becomes part of what was seen; anything passing is thrown, and the look is tried again. */
async function orProblem<T>(what: string, read: Promise<T | undefined>): Promise<T | Problem> {
  try {
    return (await read) ?? { problem: "missing", text: `${what} does not exist` };
  } catch (problem) {
    if (isFailure(problem, "missing")) return { problem: "missing", text: `${what} does not exist` };
    if (isFailure(problem, "denied", "invalid"))
      return { problem: "denied", text: `${what} cannot be read: ${(problem as Failure).message}` };
    throw problem;
  }
}

async function readGroup(compute: Compute, ref: GroupRef, withMachines: boolean): Promise<GroupView | Problem> {
  const found = await orProblem(`group ${groupKey(ref)}`, compute.group(ref));
  if ("problem" in found) return found;
  const [machines, errors] = withMachines
    ? await Promise.all([compute.managedInstances(ref), compute.groupErrors(ref)])
    : [[], []];
  return {
    fingerprint: found.fingerprint,
    targetSize: found.targetSize,
    versions: found.versions,
    updatePolicy: found.updatePolicy,
    stateful: found.statefulPolicy !== undefined || found.status.stateful?.hasStatefulConfig === true,
    checked: (found.autoHealingPolicies ?? []).some(({ healthCheck }) => healthCheck),
    machines: machines.map((machine) => ({
      name: machine.name,
      ...(machine.id && { id: machine.id }),
      ...(machine.instanceStatus && { status: machine.instanceStatus }),
      action: machine.currentAction,
      template: lastSegment(machine.version?.instanceTemplate ?? ""),
      ...(machine.instanceHealth?.[0] && { health: machine.instanceHealth[0].detailedHealthState }),
      errors: machine.lastAttempt?.errors?.errors ?? [],
    })),
    errors: errors.map(({ error, instanceActionDetails: details, timestamp }) => ({
      ...error,
      template: lastSegment(details?.version?.instanceTemplate ?? ""),
      machine: lastSegment(details?.instance ?? ""),
      at: instant(Date.parse(timestamp)),
    })),
  };
}

async function readInputs(cloud: Cloud, compute: Compute, policy: Policy, adopting: boolean): Promise<Inputs> {
  const { family, project } = policy.follows;
  const [image, images, configCommit, secrets, bases, running] = await Promise.all([
    orProblem(`an image of family ${family} in ${project} that is not deprecated`, compute.head(family, project)),
    orProblem(`images of family ${family} in ${project}`, compute.images(family, project)),
    readRef(cloud, policy),
    Promise.all(
      Object.entries(policy.secrets).map(async ([name, ref]) => [name, await resolveSecret(cloud, ref)] as const),
    ),
    Promise.all(policy.groups.map(async (ref) => [groupKey(ref), await readBase(compute, ref.base)] as const)),
    adopting
      ? Promise.all(policy.groups.map(async (ref) => [groupKey(ref), await readRunning(compute, ref)] as const))
      : undefined,
  ]);
  return {
    image,
    unready: Array.isArray(images) ? unreadyAfter(images, image) : [],
    configCommit,
    secrets: Object.fromEntries(secrets),
    bases: Object.fromEntries(bases),
    ...(running && { running: Object.fromEntries(running) }),
  };
}

function unreadyAfter(images: Image[], head: Image | Problem): Image[] {
  const since = "problem" in head ? 0 : Date.parse(head.creationTimestamp);
  return images.filter(({ status, creationTimestamp }) => status !== "READY" && Date.parse(creationTimestamp) >= since);
}

async function readRef(cloud: Cloud, policy: Policy): Promise<string | null | Problem> {
  if (!policy.config) return null;
  const name = `refs/${policy.config.ref}.json`;
  const found = await orProblem(
    `configuration ref ${policy.config.ref} (gs://${cloud.settings.configBucket}/${name})`,
    cloud.config.read(name),
  );
  if ("problem" in found) return found;
  const commit = member(found.text, "commit");
  return typeof commit === "string"
    ? commit
    : { problem: "missing", text: `configuration ref ${policy.config.ref} names no commit` };
}

/** Of a JSON text that somebody else may have written: what is none has no members, and does not stop the look. */
function member(text: string, name: string): unknown {
  try {
    return (JSON.parse(text) as Record<string, unknown> | null)?.[name];
  } catch {
    return undefined;
  }
}

async function resolveSecret(
  cloud: Cloud,
  { project, secret, version }: Policy["secrets"][string],
): Promise<string | Problem> {
  const what = `secret ${secret} in ${project}`;
  if (version === "newest") {
    const number = await orProblem(`an enabled version of ${what}`, cloud.secrets.newestEnabled(project, secret));
    return typeof number === "number" ? `projects/${project}/secrets/${secret}/versions/${number}` : number;
  }
  const state = await orProblem(`version ${version} of ${what}`, cloud.secrets.state(project, secret, version));
  if (typeof state !== "string") return state;
  if (state !== "ENABLED")
    return { problem: "missing", text: `version ${version} of ${what} is ${state}; enable it or name another` };
  return `projects/${project}/secrets/${secret}/versions/${version}`;
}

async function readBase(compute: Compute, name: string): Promise<InstanceTemplate["properties"] | Problem> {
  const found = await orProblem(`base template ${name}`, compute.template(name));
  return "problem" in found && !("properties" in found) ? (found as Problem) : (found as InstanceTemplate).properties;
}

/** The image a group runs now, by the template its machines are made from. */
async function readRunning(compute: Compute, ref: GroupRef): Promise<NonNullable<Inputs["running"]>[string]> {
  const group = await orProblem(`group ${groupKey(ref)}`, compute.group(ref));
  if ("problem" in group) return group;
  const name = lastSegment(openVersion(group.versions)?.instanceTemplate ?? group.instanceTemplate ?? "");
  const properties = await readBase(compute, name);
  if ("problem" in properties && !("disks" in properties)) return properties as Problem;
  const template = properties as InstanceTemplate["properties"];
  const family = familyDisk(template);
  if (family)
    return {
      problem: "missing",
      text: `its template ${name} names the image family ${family}; give it a template that names the image its machines run`,
    };
  const source = bootDisk(template)?.initializeParams?.sourceImage ?? "";
  const [, project, image] = /projects\/([^/]+)\/global\/images\/([^/]+)$/.exec(source) ?? [];
  if (!project || !image) return { problem: "missing", text: `its template ${name} does not name an image` };
  return orProblem(`image ${image} in ${project}`, compute.image(image, project));
}

/** A name says what the template holds, but a name can be taken: what moult must be able to rely on is compared. */
async function readTemplates(compute: Compute, record: FleetRecord): Promise<Observation["templates"]> {
  const rollout = record.active;
  const found = await Promise.all(
    Object.values(rollout?.groups ?? {}).map(
      async ({ template }): Promise<[string, Observation["templates"][string]]> => {
        const there = await compute.template(template);
        if (!there) return [template, "absent"];
        // Gone back to as it is; one taken on as found carries no release.
        if (rollout?.kind === "rollback") return [template, "same"];
        const release = there.properties.metadata?.items?.find(({ key }) => key === RELEASE_KEY)?.value ?? "{}";
        const image = bootDisk(there.properties)?.initializeParams?.sourceImage ?? "";
        const same = member(release, "release") === rollout?.to.digest && lastSegment(image) === rollout?.to.image.name;
        return [template, same ? "same" : "different"];
      },
    ),
  );
  return Object.fromEntries(found);
}
