import type { InstanceProperties, InstanceTemplate } from "../../wire/compute.d.ts";
import type { Inputs, Problem } from "../core/observation.ts";
import { groupKey, type Policy, type SecretRef } from "../core/policy.ts";
import type { Compute } from "../google/compute.ts";
import type { Cloud } from "./cloud.ts";
import { readFollowed } from "./followed.ts";
import { member, orProblem } from "./problems.ts";
import { unreadyAfter } from "./rest.ts";
import { readRunning } from "./running.ts";

/** What a release is made of, as it is now. `adopting`: also what the groups run. */
export async function readInputs(cloud: Cloud, compute: Compute, policy: Policy, adopting: boolean): Promise<Inputs> {
  const [source, configCommit, secrets, bases, running] = await Promise.all([
    readSource(cloud, compute, policy),
    readRef(cloud, policy),
    Promise.all(
      Object.entries(policy.secrets).map(async ([name, ref]) => [name, await resolveSecret(cloud, ref)] as const),
    ),
    readBases(compute, policy),
    adopting
      ? Promise.all(policy.groups.map(async (ref) => [groupKey(ref), await readRunning(compute, ref)] as const))
      : undefined,
  ]);
  return {
    ...source,
    configCommit,
    secrets: Object.fromEntries(secrets),
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

/** Full name of the version that is meant: `newest` is the newest enabled one. */
export async function resolveSecret(cloud: Cloud, { project, secret, version }: SecretRef): Promise<string | Problem> {
  const what = `secret ${secret} in ${project}`;
  const path = `projects/${project}/secrets/${secret}/versions`;
  if (version === "newest") {
    const number = await orProblem(`an enabled version of ${what}`, cloud.secrets.newestEnabled(project, secret));
    return typeof number === "number" ? `${path}/${number}` : number;
  }
  const state = await orProblem(`version ${version} of ${what}`, cloud.secrets.state(project, secret, version));
  if (typeof state !== "string") return state;
  if (state !== "ENABLED")
    return { problem: "missing", text: `version ${version} of ${what} is ${state}; enable it or name another` };
  return `${path}/${version}`;
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
