import type { InstanceProperties, InstanceTemplate } from "../../wire/compute.d.ts";
import type { Inputs, Problem } from "../core/observation.ts";
import { groupKey, type Policy } from "../core/policy.ts";
import type { Compute } from "../google/compute.ts";
import type { Cloud } from "./cloud.ts";
import { readFollowed } from "./followed.ts";
import { orProblem } from "./problems.ts";
import { readRef } from "./refs.ts";
import { unreadyAfter } from "./rest.ts";
import { readRunning } from "./running.ts";
import { SeenSecrets } from "./secrets.ts";

/**
 * What a release is made of, as it is now. `adopting`: also what the groups run. `needed`: full names of secret versions
 * that releases on record name, to see whether they still give a value.
 */
export async function readInputs(
  cloud: Cloud,
  compute: Compute,
  policy: Policy,
  adopting: boolean,
  needed: readonly string[],
  seen = new SeenSecrets(cloud.secrets),
): Promise<Inputs> {
  const [source, configCommit, secrets, unusable, bases, running] = await Promise.all([
    readSource(cloud, compute, policy),
    policy.config && readRef(cloud, policy.config.ref),
    Promise.all(Object.entries(policy.secrets).map(async ([name, ref]) => [name, await seen.resolve(ref)] as const)),
    seen.unusable(needed),
    readBases(compute, policy),
    adopting
      ? Promise.all(policy.groups.map(async (ref) => [groupKey(ref), await readRunning(compute, ref)] as const))
      : undefined,
  ]);
  return {
    ...source,
    configCommit,
    secrets: Object.fromEntries(secrets),
    unusable,
    bases,
    ...(running && { running: Object.fromEntries(running) }),
  };
}

async function readSource(
  cloud: Cloud,
  compute: Compute,
  { follows }: Policy,
): Promise<Pick<Inputs, "image" | "unready" | "followed">> {
  if (!("family" in follows)) return { ...(await readFollowed(cloud, compute, follows)), unready: [] };
  const { family, project } = follows;
  const [image, images] = await Promise.all([
    orProblem(`an image of family ${family} in ${project} that is not deprecated`, compute.head(family, project)),
    orProblem(`images of family ${family} in ${project}`, compute.images(family, project)),
  ]);
  return { image, unready: Array.isArray(images) ? unreadyAfter(images, "problem" in image ? undefined : image) : [] };
}

/** Groups that share a base cost one call. */
async function readBases(compute: Compute, policy: Policy): Promise<Inputs["bases"]> {
  const names = [...new Set(policy.groups.map(({ base }) => base))];
  const read = new Map(await Promise.all(names.map(async (name) => [name, await readBase(compute, name)] as const)));
  return Object.fromEntries(
    policy.groups.map((ref) => [
      groupKey(ref),
      read.get(ref.base) ?? { problem: "missing", text: `base template ${ref.base} was not read` },
    ]),
  );
}

async function readBase(compute: Compute, name: string): Promise<InstanceProperties | Problem> {
  const found: InstanceTemplate | Problem = await orProblem(`base template ${name}`, compute.template(name));
  return "problem" in found ? found : found.properties;
}
