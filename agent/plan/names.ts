import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import type { Instance } from "../identify/instance.ts";
import { attributeValues } from "./attributes.ts";
import type { Manifest, Value } from "./manifest.ts";

/** What templates may ask for, apart from secrets: groups by name, values inside. A value this instance lacks is not in it. */
export interface Names {
  [group: string]: { [name: string]: Value };
}

export function knownNames(
  instance: Instance,
  release: ReleaseMetadata | undefined,
  manifest: Pick<Manifest, "attributes" | "values">,
): Names {
  return {
    instance: {
      id: instance.id,
      name: instance.name,
      zone: instance.zone,
      region: instance.region,
      hostname: instance.hostname,
      machineType: instance.machineType,
    },
    network: {
      ...(instance.ip === undefined ? {} : { ip: instance.ip }),
      ...(instance.externalIp === undefined ? {} : { externalIp: instance.externalIp }),
    },
    project: { id: instance.project, number: instance.projectNumber },
    // Without a release they are null, so that one template serves a machine that is not in a fleet yet.
    release: {
      id: release?.release ?? null,
      fleet: release?.fleet ?? null,
      image: { name: release?.image.name ?? null, id: release?.image.id ?? null },
    },
    attributes: attributeValues(manifest, instance.attributes),
    values: Object.fromEntries(manifest.values),
  };
}

/** The value at a dotted name, also inside of maps; undefined when there is none. */
export function nameIn(names: Names, dotted: string): Value | undefined {
  let found: Value | undefined = names;
  for (const part of dotted.split(".")) {
    if (typeof found !== "object" || found === null || Array.isArray(found) || !Object.hasOwn(found, part))
      return undefined;
    found = found[part];
  }
  return found;
}

/** Name of the secret a template name asks for; undefined when it asks for something else. */
export function secretOf(name: string): string | undefined {
  return name.startsWith("secrets.") ? name.slice("secrets.".length) : undefined;
}
