import { type Distribution, isPlain, type Package, type PackageList, sortPackages } from "./list.ts";
import { purlOf, readPurl } from "./purl.ts";

/** Names of what CycloneDX has no field for. */
const SOURCE = "moult:source";
const SOURCE_VERSION = "moult:sourceVersion";

/**
 * The list as CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json), keys and components in one order and without a serial
 * number: the same packages at the same time are the same bytes. `time` is RFC 3339.
 */
export function cycloneDxOf(list: PackageList, about: { time: string; moult: string }): string {
  const { type, distribution } = list;
  const refs = new Map<string, number>();
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: about.time,
      lifecycles: [{ phase: "build" }],
      tools: { components: [{ type: "application", name: "moult", version: about.moult }] },
      component: {
        type: "operating-system",
        "bom-ref": "distribution",
        name: distribution.id,
        ...(distribution.version && { version: distribution.version }),
        properties: [{ name: "moult:packages", value: type }],
      },
    },
    components: sortPackages(list.packages).map((one) => {
      const purl = purlOf(type, distribution, one);
      // A reference must be the document's only one; an rpm can be installed twice in one version.
      const before = refs.get(purl) ?? 0;
      refs.set(purl, before + 1);
      const properties = [
        ...(one.source === undefined ? [] : [{ name: SOURCE, value: one.source }]),
        ...(one.sourceVersion === undefined ? [] : [{ name: SOURCE_VERSION, value: one.sourceVersion }]),
      ];
      return {
        type: "library",
        "bom-ref": before === 0 ? purl : `${purl}#${before + 1}`,
        name: one.name,
        version: one.version,
        purl,
        ...(properties.length > 0 && { properties }),
      };
    }),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}

type Read = { problem: string } | { problem?: never; list: PackageList; time: string };

/** Reads what `cycloneDxOf` wrote. A component that is no package of a distribution is a problem: it could not be compared. */
export function readCycloneDx(text: string): Read {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { problem: "it is not JSON" };
  }
  const { bomFormat, specVersion, metadata, components } = fields(document);
  if (bomFormat !== "CycloneDX" || !/^1\.[4-9]$/.test(String(specVersion)))
    return { problem: "it is not CycloneDX 1.4 or newer" };
  const { timestamp, component } = fields(metadata);
  const { name: id, version = "", properties: told } = fields(component);
  const type = property(told, "moult:packages");
  if (typeof id !== "string" || typeof version !== "string" || (type !== "deb" && type !== "rpm" && type !== "apk"))
    return { problem: "it does not say of which distribution it is; moult image packages writes it so" };
  const distribution: Distribution = { id, version };
  const packages: Package[] = [];
  for (const one of Array.isArray(components) ? components : []) {
    const { name, version: written, purl, properties } = fields(one);
    const read = typeof purl === "string" ? readPurl(purl) : undefined;
    if (!read || read.type !== type || read.name !== name || read.version !== written)
      return { problem: `component ${JSON.stringify(name)} has no package URL of type ${type} that agrees with it` };
    if (!isPlain(read.name) || !isPlain(read.version))
      return { problem: `component ${JSON.stringify(name)} has a name or version that no package has` };
    const source = property(properties, SOURCE);
    const sourceVersion = property(properties, SOURCE_VERSION);
    packages.push({
      name: read.name,
      version: read.version,
      arch: read.arch,
      ...(source !== undefined && { source }),
      ...(sourceVersion !== undefined && { sourceVersion }),
    });
  }
  return {
    list: { type, distribution, packages: sortPackages(packages) },
    time: typeof timestamp === "string" ? timestamp : "",
  };
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function property(properties: unknown, name: string): string | undefined {
  const found = (Array.isArray(properties) ? properties : []).map(fields).find((one) => one.name === name);
  return typeof found?.value === "string" ? found.value : undefined;
}
