import type { Observation } from "../core/observation.ts";
import type { FleetRecord } from "../core/record.ts";
import { bootDisk, RELEASE_KEY } from "../core/template.ts";
import { lastSegment } from "../core/wanted.ts";
import type { Compute } from "../google/compute.ts";
import { member } from "./problems.ts";

/** A name says what the template holds, but a name can be taken: what moult must be able to rely on is compared. */
export async function readTemplates(compute: Compute, record: FleetRecord): Promise<Observation["templates"]> {
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
