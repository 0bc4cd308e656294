import type { Image } from "../../wire/compute.d.ts";
import { type Inputs, isProblem } from "./observation.ts";
import { groupKey, type Policy } from "./policy.ts";
import { type Reason, reason } from "./reasons.ts";
import type { ImageRef, ReleaseInputs } from "./release.ts";
import { baseDigest } from "./template.ts";
import type { Turn } from "./turn.ts";

/** The inputs as a release would name them, or what is missing: all of it at once. */
export function releaseInputs(
  turn: Turn,
  policy: Policy,
  inputs: Inputs,
): { asked: ReleaseInputs } | { missing: Reason[] } {
  const missing: Reason[] = [];
  const { image, configCommit } = inputs;
  if (isProblem(image)) {
    const advice =
      image.problem === "missing" ? "; make one, or un-deprecate one: the fleet stays as it is until then" : "";
    missing.push(reason(image.problem === "missing" ? "no-image" : "access-denied", `${image.text}${advice}`));
  }
  if (configCommit !== null && typeof configCommit === "object")
    missing.push(reason("config-missing", configCommit.text));
  const secrets: Record<string, string> = {};
  for (const [name, version] of Object.entries(inputs.secrets)) {
    if (typeof version === "string") secrets[name] = version;
    else missing.push(reason("secret-missing", version.text));
  }
  const base: Record<string, string> = {};
  for (const ref of policy.groups) {
    const properties = inputs.bases[groupKey(ref)];
    if (!properties || isProblem(properties)) {
      const text = properties?.text ?? `base template ${ref.base} was not read`;
      missing.push(reason("base-missing", `${text}; create it, or correct groups[].base in the fleet file`));
    } else base[groupKey(ref)] = baseDigest(properties, turn.context.sha256);
  }
  if (missing.length > 0 || isProblem(image) || (configCommit !== null && typeof configCommit === "object"))
    return { missing };
  return { asked: { image: imageRef(image), configCommit, secrets, base } };
}

/** The project stands in the image's own URL: a fleet that follows another may get it from anywhere. */
export function imageRef({ id, name, selfLink }: Image): ImageRef {
  const [, project = ""] = /projects\/([^/]+)\/global\/images\//.exec(selfLink) ?? [];
  return { id, name, project };
}
