import type { Image, InstanceProperties } from "../../wire/compute.d.ts";
import { limitFindings } from "./legal.ts";
import { architectureOf } from "./machinetype.ts";
import { type GroupView, type Inputs, isProblem, type QuotaView } from "./observation.ts";
import { type GroupRef, groupKey, type Policy } from "./policy.ts";
import { quotaNeeds, regionOf } from "./quota.ts";
import { type Reason, reason } from "./reasons.ts";
import { bootDisk, familyDisk } from "./template.ts";
import { openVersion } from "./wanted.ts";

/** The first thing that would stop a rollout. */
export function preflight(
  policy: Policy,
  inputs: Inputs,
  groups: Map<string, GroupView>,
  quotas: readonly QuotaView[] = [],
): Reason | undefined {
  return findings(policy, inputs, groups, quotas)[0];
}

/**
 * Everything that would stop a rollout half-way and can be known before it touches anything. Why a group could not be read
 * is the caller's to say: nothing is found about it here.
 */
export function findings(
  policy: Policy,
  inputs: Inputs,
  groups: ReadonlyMap<string, GroupView>,
  quotas: readonly QuotaView[] = [],
): Reason[] {
  const { image } = inputs;
  return [
    ...imageFindings(image),
    ...policy.groups.flatMap((ref) => {
      const key = groupKey(ref);
      const view = groups.get(key);
      const base = inputs.bases[key];
      return [
        ...(base && !isProblem(base)
          ? baseFindings(ref, base, image)
          : [reason("base-missing", `base template ${ref.base} of group ${key} was not read`)]),
        ...(view ? [...groupFindings(key, view), ...limitFindings(policy, ref, view)] : []),
      ];
    }),
    ...emptyFindings(policy, groups),
    ...quotaFindings(policy, inputs, groups, quotas),
  ];
}

function imageFindings(image: Inputs["image"]): Reason[] {
  if (isProblem(image)) return [reason("no-image", image.text)];
  const found: Reason[] = [];
  const state = image.deprecated?.state;
  if (state === "OBSOLETE" || state === "DELETED")
    found.push(
      reason(
        "image-unusable",
        `image ${image.name} is ${state}: Compute refuses to make machines from it. Deprecate it too, so that the family points to another, or make it ACTIVE again`,
      ),
    );
  if (image.status !== "READY") {
    const what = image.status === "FAILED" ? "could not be made; make another" : "is looked at again when it is READY";
    found.push(reason("image-not-ready", `image ${image.name} is ${image.status} and ${what}`));
  }
  return found;
}

function baseFindings(ref: GroupRef, base: InstanceProperties, image: Inputs["image"]): Reason[] {
  const found: Reason[] = [];
  const family = familyDisk({ ...base, disks: (base.disks ?? []).filter((disk) => !disk.boot) });
  if (family)
    found.push(
      reason(
        "base-names-family",
        `base template ${ref.base} has a disk from the image family ${family}: name an image, so that every machine gets the same`,
      ),
    );
  const boot = bootDisk(base);
  if (!boot) found.push(reason("base-missing", `base template ${ref.base} has no boot disk: give it one`));
  if (!isProblem(image)) found.push(...imageFit(ref, base, image));
  for (const place of placesOf(base))
    if (!within(place, ref))
      found.push(
        reason(
          "policy-impossible",
          `base template ${ref.base} names something in ${place}, and group ${groupKey(ref)} is in ${ref.location}: correct groups[].base in the fleet file, or the template`,
        ),
      );
  return found;
}

function imageFit(ref: GroupRef, base: InstanceProperties, image: Image): Reason[] {
  const found: Reason[] = [];
  const size = Number(bootDisk(base)?.initializeParams?.diskSizeGb ?? 0);
  if (size > 0 && Number(image.diskSizeGb ?? 0) > size)
    found.push(
      reason(
        "base-disk-too-small",
        `image ${image.name} needs a boot disk of ${image.diskSizeGb} GB, base template ${ref.base} gives ${size} GB: enlarge diskSizeGb in the base`,
      ),
    );
  const architecture = architectureOf(base.machineType ?? "");
  // An image that says nothing is taken for one that fits: old ones do not.
  if (architecture && image.architecture && /^(X86_64|ARM64)$/.test(image.architecture))
    if (architecture !== image.architecture)
      found.push(
        reason(
          "image-unusable",
          `image ${image.name} is for ${image.architecture}, and ${base.machineType} of base template ${ref.base} is ${architecture}: such machines would never boot. Make an image for ${architecture}, or name another base`,
        ),
      );
  return found;
}

/** Zones and regions that the parts of a template which live in one place name, each once. */
function placesOf({ networkInterfaces, disks, resourcePolicies }: InstanceProperties): string[] {
  const places = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value === "string") {
      const [, place] = /(?:^|\/)(?:zones|regions)\/([a-z0-9-]+)\//.exec(value) ?? [];
      if (place) places.add(place);
    } else if (typeof value === "object" && value !== null) Object.values(value).forEach(visit);
  };
  [networkInterfaces, disks, resourcePolicies].forEach(visit);
  return [...places];
}

function within(place: string, { location, regional }: GroupRef): boolean {
  return place === location || place === regionOf(location) || (regional && regionOf(place) === location);
}

/**
 * The first wave must be able to prove something; an empty group beside others, or in a later wave, follows what they prove.
 */
function emptyFindings(policy: Policy, groups: ReadonlyMap<string, GroupView>): Reason[] {
  const first = Math.min(...policy.groups.map(({ wave }) => wave));
  const keys = policy.groups.filter(({ wave }) => wave === first).map(groupKey);
  if (keys.some((key) => groups.get(key)?.targetSize !== 0)) return [];
  const which = `${keys.length === 1 ? "group" : "groups"} ${keys.join(", ")}`;
  const text = `${which} of the first wave ${keys.length === 1 ? "has" : "have"} no machines: a rollout there would prove nothing. It starts when one grows`;
  return [reason("group-empty", text, { evidence: keys })];
}

function groupFindings(key: string, view: GroupView): Reason[] {
  const found: Reason[] = [];
  if (view.versions.length > 1)
    found.push(
      reason(
        "policy-impossible",
        `group ${key} has ${view.versions.length} versions already, and a group never gets a third: bring it to one with "gcloud compute instance-groups managed rolling-action start-update"`,
      ),
    );
  if (!openVersion(view.versions)?.instanceTemplate)
    found.push(
      reason(
        "policy-impossible",
        `group ${key} has no template that could be put back; set one with "gcloud compute instance-groups managed rolling-action start-update"`,
      ),
    );
  return found;
}

function quotaFindings(
  policy: Policy,
  inputs: Inputs,
  groups: ReadonlyMap<string, GroupView>,
  quotas: readonly QuotaView[],
): Reason[] {
  return quotaNeeds(policy, inputs, groups, quotas).flatMap(({ metric, region, needed, free, limit, what }) => {
    // Where there is no room above, the fleet file says how to go on without.
    if (needed <= free || (what === "machines" && policy.replace.scarce !== null)) return [];
    const where = region ?? "the project";
    const advice =
      what === "machines"
        ? "raise the quota, ask for fewer with replace.above, or say with replace.scarce how many may be missing instead"
        : "raise the quota, or delete templates that nothing needs; moult deletes its own once a day";
    const whose = what === "machines" ? "machines above the groups' sizes" : "the release's templates";
    return [
      reason("quota", `${metric} of ${where}: ${whose} need ${needed}, and ${free} of ${limit} are free; ${advice}`),
    ];
  });
}
