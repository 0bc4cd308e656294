import { type GroupView, type Inputs, isProblem } from "./observation.ts";
import { groupKey, type Policy } from "./policy.ts";
import { type Reason, reason } from "./reasons.ts";
import { bootDisk, familyDisk } from "./template.ts";
import { openVersion } from "./wanted.ts";

/** Everything that would stop a rollout half-way and can be known before it touches anything. The first found is said. */
export function preflight(policy: Policy, inputs: Inputs, groups: Map<string, GroupView>): Reason | undefined {
  return (
    imageFit(inputs) ??
    policy.groups
      .map((ref) => groupFit(policy, inputs, groupKey(ref), ref.base, groups.get(groupKey(ref))))
      .find(Boolean)
  );
}

function imageFit({ image }: Inputs): Reason | undefined {
  if (isProblem(image)) return reason("no-image", image.text);
  const state = image.deprecated?.state;
  if (state === "OBSOLETE" || state === "DELETED") {
    return reason(
      "image-unusable",
      `image ${image.name} is ${state}: Compute refuses to make machines from it. Deprecate it too, so that the family points to another, or make it ACTIVE again`,
    );
  }
  if (image.status !== "READY") {
    const what = image.status === "FAILED" ? "could not be made; make another" : "is looked at again when it is READY";
    return reason("image-not-ready", `image ${image.name} is ${image.status} and ${what}`);
  }
  return undefined;
}

function groupFit(
  policy: Policy,
  inputs: Inputs,
  key: string,
  baseName: string,
  view: GroupView | undefined,
): Reason | undefined {
  const base = inputs.bases[key];
  if (!view || !base || isProblem(base))
    return reason("base-missing", `base template ${baseName} of group ${key} was not read`);
  const { image } = inputs;
  const family = familyDisk({ ...base, disks: (base.disks ?? []).filter((disk) => !disk.boot) });
  if (family)
    return reason(
      "base-names-family",
      `base template ${baseName} has a disk from the image family ${family}: name an image, so that every machine gets the same`,
    );
  const size = Number(bootDisk(base)?.initializeParams?.diskSizeGb ?? 0);
  if (!isProblem(image) && size > 0 && Number(image.diskSizeGb ?? 0) > size) {
    return reason(
      "base-disk-too-small",
      `image ${image.name} needs a boot disk of ${image.diskSizeGb} GB, base template ${baseName} gives ${size} GB: enlarge diskSizeGb in the base`,
    );
  }
  if (!bootDisk(base)) return reason("base-missing", `base template ${baseName} has no boot disk: give it one`);
  if (view.targetSize === 0)
    return reason(
      "group-empty",
      `group ${key} has no machines: a rollout there would prove nothing. It starts when the group grows`,
    );
  if (view.stateful)
    return reason(
      "group-stateful",
      `group ${key} is stateful; this version of moult does not roll stateful groups: take it out of the fleet file, or its stateful policy away`,
    );
  if (view.versions.length > 1) {
    const text = `group ${key} has ${view.versions.length} versions already, and a group never gets a third: bring it to one with "gcloud compute instance-groups managed rolling-action start-update"`;
    return reason("policy-impossible", text);
  }
  if (!openVersion(view.versions)?.instanceTemplate)
    return reason(
      "policy-impossible",
      `group ${key} has no template that could be put back; set one with "gcloud compute instance-groups managed rolling-action start-update"`,
    );
  if (view.updatePolicy.replacementMethod === "RECREATE" && policy.replace.above > 0) {
    const text = `group ${key} replaces machines under their own names (RECREATE), so none can be made above its size: set replace: { above: 0, missing: 1 } in the fleet file`;
    return reason("policy-impossible", text);
  }
  return undefined;
}
