import type { Distribution, Package } from "./list.ts";
import { isPackageType, type PackageType } from "./ordering.ts";

/**
 * A package URL (ECMA-427): `pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64&distro=debian-12`. Letters, digits, `.-_~`
 * and colons stand as they are, everything else as percent and hex. An rpm's epoch is a qualifier, not part of the version.
 */
export function purlOf(type: PackageType, distribution: Distribution, { name, version, arch }: Package): string {
  const [, epoch, plain = version] = (type === "rpm" && /^(\d+):(.*)$/.exec(version)) || [];
  // Names of the other two are lower case in a package URL, and already are in their databases.
  const known = [
    ["arch", arch],
    ["distro", [distribution.id, distribution.version].filter((part) => part !== "").join("-")],
    ["epoch", epoch ?? ""],
  ];
  const qualifiers = known.flatMap(([key, value]) => (value ? [`${key}=${encode(value)}`] : []));
  return `pkg:${type}/${encode(distribution.id)}/${encode(name)}@${encode(plain)}?${qualifiers.join("&")}`;
}

function encode(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%3A", ":");
}

/** The parts of a package URL that a package list needs; undefined when it is none of a distribution's. */
export function readPurl(text: string): { type: PackageType; name: string; version: string; arch: string } | undefined {
  const [, type = "", name = "", version = "", query = ""] =
    /^pkg:([a-z]+)\/[^/@?#]+\/([^/@?#]+)@([^/?#]+)(?:\?([^#]*))?$/.exec(text) ?? [];
  if (!isPackageType(type)) return undefined;
  try {
    const qualifiers = new Map(
      query.split("&").map((pair): [string, string] => {
        const at = pair.indexOf("=");
        return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))];
      }),
    );
    const epoch = type === "rpm" ? qualifiers.get("epoch") : undefined;
    return {
      type,
      name: decodeURIComponent(name),
      version: `${epoch === undefined ? "" : `${epoch}:`}${decodeURIComponent(version)}`,
      arch: qualifiers.get("arch") ?? "",
    };
  } catch {
    return undefined;
  }
}
