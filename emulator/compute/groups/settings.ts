import type { Cloud } from "../cloud.ts";
import { deviceOf } from "../disks/model.ts";
import { errors } from "../errors.ts";
import { disksOf } from "../instances/make.ts";
import { parseRef, pathOf, scopePath } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import { parseAllInstances, renderAllInstances } from "./allinstances.ts";
import type { StoredGroup } from "./model.ts";
import { parseNamedPorts } from "./namedports.ts";
import { parsePolicy, parseVersions } from "./policy.ts";
import { parseStatefulPolicy, renderStatefulPolicy, type StoredStatefulPolicy } from "./stateful.ts";

/** Real fields whose meaning is not emulated. Empty ones pass: clients send them. */
const ABSENT = [
  ...["standbyPolicy", "instanceFlexibilityPolicy", "targetPools"],
  ...["resourcePolicies", "targetSuspendedSize", "targetStoppedSize", "targetSizePolicy"],
];

/** Maps in which a name alone says something. */
const NAMED = new Set(["disks", "internalIPs", "externalIPs", "labels", "metadata"]);

/** Says nothing: clients send messages with nothing in them. */
export function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isEmpty);
  if (isObject(value))
    return Object.entries(value).every(
      ([key, inner]) => isEmpty(inner) && !(NAMED.has(key) && isObject(inner) && Object.keys(inner).length > 0),
    );
  return value === undefined || value === null || value === 0 || value === "" || value === false;
}

type Settings = Pick<
  StoredGroup,
  "versions" | "policy" | "lifecycle" | "baseInstanceName" | "targetSize" | "listResults"
> &
  Partial<Pick<StoredGroup, "healing" | "namedPorts" | "description" | "allInstances" | "stateful">>;

type Place = Pick<StoredGroup, "project" | "scope" | "zones" | "name"> & Partial<Pick<StoredGroup, "allInstances">>;

/** Reads everything a caller decides about a group. Throws what the service answers to what it cannot be. */
export function parseSettings(cloud: Cloud, body: Json, place: Place): Settings {
  for (const field of ABSENT)
    if (!isEmpty(body[field])) throw errors.notEmulated(`instanceGroupManagers with ${field}`);
  const targetSize = body.targetSize;
  if (targetSize === undefined || targetSize === null) throw errors.required("resource.targetSize");
  const size = Number(targetSize);
  checkSize(size, "resource.targetSize");
  const baseInstanceName = String(body.baseInstanceName || place.name.slice(0, 58));
  if (baseInstanceName.includes("#")) throw errors.notEmulated("instanceGroupManagers with numbered instance names");
  if (!/^[a-z](?:[-a-z0-9]{0,57})$/.test(baseInstanceName))
    throw errors.value(
      "resource.baseInstanceName",
      baseInstanceName,
      "Must be a match of regex '[a-z]([-a-z0-9]{0,57})'",
    );
  const versions =
    isEmpty(body.versions) && body.instanceTemplate ? [{ instanceTemplate: body.instanceTemplate }] : body.versions;
  const healing = healingOf(cloud, body.autoHealingPolicies, place.project);
  const lifecycle = isObject(body.instanceLifecyclePolicy) ? body.instanceLifecyclePolicy : {};
  for (const field of ["onRepair", "onFailedHealthCheck"])
    if (!isEmpty(lifecycle[field]) && lifecycle[field] !== "DEFAULT_ACTION")
      throw errors.notEmulated(`instanceGroupManagers with instanceLifecyclePolicy.${field}`);
  const namedPorts = parseNamedPorts(body.namedPorts, "resource.namedPorts");
  const parsed = parseVersions(versions, (text, field) => findTemplate(cloud, text, place.project, field));
  const allInstances = parseAllInstances(body.allInstancesConfig, place.allInstances, cloud.world.clock.now());
  const stateful = parseStatefulPolicy(body.statefulPolicy);
  if (stateful) checkDevices(cloud, stateful, parsed);
  return {
    versions: parsed,
    ...(allInstances && { allInstances }),
    ...(stateful && { stateful }),
    policy: parsePolicy(isObject(body.updatePolicy) ? body.updatePolicy : {}, {
      regional: place.scope.kind === "region",
      zones: place.zones.length,
      targetSize: size,
    }),
    lifecycle: {
      forceUpdateOnRepair: lifecycle.forceUpdateOnRepair === "YES" ? "YES" : "NO",
      defaultActionOnFailure: lifecycle.defaultActionOnFailure === "DO_NOTHING" ? "DO_NOTHING" : "REPAIR",
    },
    baseInstanceName,
    targetSize: size,
    listResults: body.listManagedInstancesResults === "PAGINATED" ? "PAGINATED" : "PAGELESS",
    ...(healing && { healing }),
    ...(namedPorts && { namedPorts }),
    ...(typeof body.description === "string" && { description: body.description }),
  };
}

/** Templates may not leave out what the policy keeps. */
export function checkDevices(cloud: Cloud, { disks }: StoredStatefulPolicy, versions: StoredGroup["versions"]): void {
  for (const { template } of versions) {
    const known = disksOf(cloud.templates.get(template)?.properties ?? {}).map(deviceOf);
    for (const device of Object.keys(disks))
      if (!known.includes(device))
        throw errors.value(
          `resource.statefulPolicy.preservedState.disks[${device}]`,
          device,
          `The disk must be defined in instance template '${template}'.`,
        );
  }
}

export function checkSize(size: number, field: string): void {
  if (!Number.isInteger(size) || size < 0) throw errors.value(field, size, "Must be greater than or equal to 0.");
}

export function findTemplate(cloud: Cloud, text: string, project: string, field: string): string {
  const ref = parseRef(cloud.world, text, project);
  if (ref?.collection !== "instanceTemplates") throw errors.value(field, text, "The URL is malformed.");
  const template = cloud.templates.get(pathOf(ref));
  if (!template) throw errors.notFound(pathOf(ref));
  const { scheduling } = template.properties;
  if (isObject(scheduling) && scheduling.instanceTerminationAction === "DELETE") throw errors.deletedWhenPreempted();
  return pathOf(ref);
}

function healingOf(cloud: Cloud, value: unknown, project: string): StoredGroup["healing"] {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const policy: unknown = value[0];
  if (value.length > 1 || !isObject(policy))
    throw errors.value("resource.autoHealingPolicies", value, "At most one autohealing policy can be specified.");
  const at = "resource.autoHealingPolicies[0]";
  const delay = Number(policy.initialDelaySec ?? 0);
  if (delay < 0 || delay > 3600)
    throw errors.value(`${at}.initialDelaySec`, delay, "Must be between 0 and 3600, inclusive.");
  // An empty policy is how gcloud says --clear-autohealing.
  if (typeof policy.healthCheck !== "string" || policy.healthCheck === "")
    return delay > 0 ? { initialDelaySec: delay } : undefined;
  const ref = parseRef(cloud.world, policy.healthCheck, project);
  if (ref?.collection !== "healthChecks")
    throw errors.value(`${at}.healthCheck`, policy.healthCheck, "The URL is malformed.");
  const check = cloud.healthChecks.get(pathOf(ref));
  if (!check) throw errors.notFound(pathOf(ref));
  if (check.details.portSpecification === "USE_SERVING_PORT")
    throw errors.notEmulated("autohealing by a health check with USE_SERVING_PORT");
  return { healthCheck: pathOf(ref), initialDelaySec: delay };
}

/** The settings of a group in the form of a body, for a patch to be merged into. */
export function settingsBody(group: StoredGroup): Json {
  const { healing } = group;
  return {
    versions: group.versions.map(({ template, name, targetSize }) => ({
      instanceTemplate: template,
      ...(name !== undefined && { name }),
      ...(targetSize && { targetSize }),
    })),
    updatePolicy: { ...group.policy },
    instanceLifecyclePolicy: { ...group.lifecycle },
    baseInstanceName: group.baseInstanceName,
    targetSize: group.targetSize,
    listManagedInstancesResults: group.listResults,
    ...(healing && { autoHealingPolicies: [healing] }),
    ...(group.allInstances && { allInstancesConfig: renderAllInstances(group.allInstances) }),
    ...(group.stateful && { statefulPolicy: renderStatefulPolicy(group.stateful) }),
    ...(group.namedPorts && { namedPorts: group.namedPorts }),
    ...(group.description !== undefined && { description: group.description }),
  };
}

/** JSON merge patch (RFC 7396); a fixed number replaces a percentage and the other way round. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Json = isObject(target) ? { ...target } : {};
  const choice = ["fixed", "percent"].find((key) => patch[key] !== undefined && patch[key] !== null);
  if (choice) {
    delete result.fixed;
    delete result.percent;
  }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** Merges a patch into a group. A new `instanceTemplate` alone means one version of it. */
export function patched(cloud: Cloud, group: StoredGroup, body: Json): Settings {
  const base = settingsBody(group);
  if (body.instanceTemplate && !body.versions) delete base.versions;
  const merged = mergePatch(base, body);
  return parseSettings(cloud, isObject(merged) ? merged : {}, group);
}

export function location(group: Pick<StoredGroup, "scope" | "project">): string {
  return `projects/${group.project}/${scopePath(group.scope)}`;
}
