import type { InstanceTemplate } from "../../wire/compute.d.ts";
import type { Observation } from "../core/observation.ts";
import type { FleetRecord } from "../core/record.ts";
import type { Rollout } from "../core/rolloutrecord.ts";
import { bootDisk, RELEASE_KEY } from "../core/template.ts";
import { lastSegment, urlPath } from "../core/wanted.ts";
import type { Compute } from "../google/compute.ts";
import { isFailure } from "../google/failure.ts";
import { member } from "./problems.ts";

type State = Observation["templates"][string];

/**
 * A name says what the template holds, but a name can be taken: what moult must be able to rely on is compared. Of those that
 * the groups ran before the rollout it is enough that they are there.
 */
export async function readTemplates(compute: Compute, record: FleetRecord): Promise<Observation["templates"]> {
  const rollout = record.active;
  if (!rollout) return {};
  const own = new Set(Object.values(rollout.groups).map(({ template }) => template));
  const before = rollout.phase === "prepared" ? [] : templatesBefore(rollout).filter((name) => !own.has(name));
  const found = await Promise.all(
    [...own, ...before].map(async (name): Promise<[string, State][]> => {
      const there = await templateOrUnread(compute, name, rollout);
      if (there === "unread") return [];
      if (!there) return [[name, "absent"]];
      // Gone back to as it is; one taken on as found carries no release.
      if (rollout.kind === "rollback" || !own.has(name)) return [[name, "same"]];
      const release = there.properties.metadata?.items?.find(({ key }) => key === RELEASE_KEY)?.value ?? "{}";
      const image = bootDisk(there.properties)?.initializeParams?.sourceImage ?? "";
      const same = member(release, "release") === rollout.to.digest && lastSegment(image) === rollout.to.image.name;
      return [[name, same ? "same" : "different"]];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** Before anything was changed it must be known. After that it only explains a refusal, which may be why it is not known. */
async function templateOrUnread(
  compute: Compute,
  name: string,
  { phase }: Rollout,
): Promise<InstanceTemplate | "unread" | undefined> {
  try {
    return await compute.template(name);
  } catch (problem) {
    if (phase === "prepared" || !isFailure(problem, "denied", "invalid")) throw problem;
    return "unread";
  }
}

/** Templates of the project itself; a region's own, or another project's, are not moult's to look up by name. */
function templatesBefore({ groups, policy }: Rollout): string[] {
  const home = `projects/${policy.project}/global/instanceTemplates/`;
  const names = Object.values(groups)
    .flatMap(({ from }) => from.versions)
    .map(({ instanceTemplate = "" }) => urlPath(instanceTemplate))
    .flatMap((path) => (path.startsWith(home) ? [path.slice(home.length)] : []));
  return [...new Set(names)];
}
