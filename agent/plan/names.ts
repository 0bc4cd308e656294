import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import type { Instance } from "../identify/instance.ts";
import type { Scalar } from "./manifest.ts";

/** What templates may ask for, apart from secrets. A name without a value on this instance is not in it. */
export function knownNames(
  instance: Instance,
  release: ReleaseMetadata | undefined,
  values: ReadonlyMap<string, Scalar>,
): Map<string, Scalar> {
  const names: [string, Scalar | undefined][] = [
    ["instance.id", instance.id],
    ["instance.name", instance.name],
    ["instance.zone", instance.zone],
    ["instance.region", instance.region],
    ["instance.hostname", instance.hostname],
    ["instance.machineType", instance.machineType],
    ["network.ip", instance.ip],
    ["network.externalIp", instance.externalIp],
    ["project.id", instance.project],
    ["project.number", instance.projectNumber],
    // Without a release they are null, so that one template serves a machine that is not in a fleet yet.
    ["release.id", release?.release ?? null],
    ["release.fleet", release?.fleet ?? null],
    ["release.image.name", release?.image.name ?? null],
    ["release.image.id", release?.image.id ?? null],
    ...Object.entries(instance.attributes).map(([key, value]): [string, string] => [`attributes.${key}`, value]),
    ...[...values].map(([key, value]): [string, Scalar] => [`values.${key}`, value]),
  ];
  const known = new Map<string, Scalar>();
  for (const [name, value] of names) if (value !== undefined) known.set(name, value);
  return known;
}

/** Name of the secret a template name asks for; undefined when it asks for something else. */
export function secretOf(name: string): string | undefined {
  return name.startsWith("secrets.") ? name.slice("secrets.".length) : undefined;
}
