import { CliError, EXIT } from "../failure.ts";
import { parseApk } from "./apk.ts";
import { type Parsed, parseDpkg } from "./dpkg.ts";
import { type Distribution, type PackageList, sortPackages } from "./list.ts";
import type { PackageType } from "./ordering.ts";
import { parseOsRelease } from "./osrelease.ts";
import type { Root } from "./root.ts";
import { parseRpm, RPM_QUERY } from "./rpm.ts";

/** One kind of package database. Another one is another of these, and its order of versions in ordering.ts. */
interface Database {
  type: PackageType;
  /** Undefined where the root has none. */
  read(root: Root): Promise<Parsed | undefined>;
}

const DATABASES: readonly Database[] = [
  { type: "deb", read: readDpkg },
  { type: "apk", read: (root) => readOne(root, ["lib/apk/db/installed", "usr/lib/apk/db/installed"], parseApk) },
];

/** Where rpm's databases lie, in the forms it has had. */
const RPM_DATABASES = ["usr/lib/sysimage/rpm", "var/lib/rpm"].flatMap((folder) =>
  ["rpmdb.sqlite", "Packages.db", "Packages"].map((file) => [folder, file] as const),
);

export interface Collected {
  list: PackageList;
  /** Sentences on what is in a database and not in the list. */
  omitted: readonly string[];
}

/** The packages of a root file system; `rpm` is what rpm answered, where it was asked. Undefined when there is no database. */
export async function collect(root: Root, place: string, rpm?: string): Promise<Collected | undefined> {
  const [found, ...others] = rpm === undefined ? await readAll(root) : [{ type: "rpm" as const, ...parseRpm(rpm) }];
  if (!found) {
    if (await hasRpm(root)) throw askRpm(place);
    return undefined;
  }
  if (others.length > 0)
    throw new CliError(
      EXIT.usage,
      `${place} has package databases of two kinds, ${[found, ...others].map(({ type }) => type).join(" and ")}: a list is of one distribution`,
      "Remove the one that the image's own distribution does not use.",
    );
  return {
    list: { type: found.type, distribution: await distributionOf(root, place), packages: sortPackages(found.packages) },
    omitted: found.omitted,
  };
}

async function readAll(root: Root): Promise<({ type: PackageType } & Parsed)[]> {
  const all = await Promise.all(DATABASES.map(async ({ type, read }) => ({ type, parsed: await read(root) })));
  return all.flatMap(({ type, parsed }) => (parsed ? [{ type, ...parsed }] : []));
}

/** `status`, and where there is no dpkg in the image the files of `status.d` beside it. */
async function readDpkg(root: Root): Promise<Parsed | undefined> {
  const folder = "var/lib/dpkg/status.d";
  const names = (await root.names(folder)).filter((name) => !name.endsWith(".md5sums"));
  const single = await Promise.all(names.map((name) => root.read(`${folder}/${name}`)));
  const texts = [await root.read("var/lib/dpkg/status"), ...single].filter((text) => text !== undefined);
  if (texts.length === 0) return undefined;
  const parsed = texts.map(parseDpkg);
  return {
    packages: parsed.flatMap(({ packages }) => packages),
    omitted: parsed.flatMap(({ omitted }) => omitted),
  };
}

async function readOne(
  root: Root,
  paths: readonly string[],
  parse: (text: string) => Parsed,
): Promise<Parsed | undefined> {
  for (const path of paths) {
    const text = await root.read(path);
    if (text !== undefined) return parse(text);
  }
  return undefined;
}

async function hasRpm(root: Root): Promise<boolean> {
  for (const [folder, file] of RPM_DATABASES) if ((await root.names(folder)).includes(file)) return true;
  return false;
}

function askRpm(place: string): CliError {
  return new CliError(
    EXIT.usage,
    `${place} has an rpm database, which only rpm reads`,
    `Ask it where the image is made, and give the answer as --rpm FILE: rpm --root ${place} -qa --queryformat '${RPM_QUERY}' > FILE`,
  );
}

/** /etc's own word comes first, os-release(5). */
async function distributionOf(root: Root, place: string): Promise<Distribution> {
  const text = (await root.read("etc/os-release")) ?? (await root.read("usr/lib/os-release"));
  const found = text === undefined ? undefined : parseOsRelease(text);
  if (found) return found;
  throw new CliError(
    EXIT.usage,
    text === undefined
      ? `${place} has packages and no /etc/os-release that says of which distribution they are`
      : `${place}/etc/os-release has no ID that names a distribution`,
    "Install the distribution's base-files, or write os-release with ID= and VERSION_ID=.",
  );
}
