import { list, object, optional, type Rule } from "../../../agent/plan/checker.ts";
import type { JsonDocument } from "../../../agent/plan/json.ts";
import { member } from "../../../agent/plan/json.ts";
import { Draft, type Fields, type Translated } from "./draft.ts";
import { filesystem, translateFilesystem } from "./ignitionDisks.ts";
import { entries, translateDirectory, translateFile, translateLink } from "./ignitionFiles.ts";
import { translateUnit, unit } from "./ignitionUnits.ts";
import { asIgnitionReads, isMap } from "./ignitionVersions.ts";
import { Reading } from "./reading.ts";

/** Looked at by hand, because nothing of it can be in a manifest. */
const anything: Rule<unknown> = (_check, _path, value) => value;

const document = object({
  ignition: object({
    version: anything,
    config: optional(
      object({
        merge: optional(anything),
        replace: optional(
          object({
            source: optional(anything),
            compression: optional(anything),
            httpHeaders: optional(anything),
            verification: optional(anything),
          }),
        ),
      }),
    ),
    timeouts: optional(anything),
    security: optional(anything),
    proxy: optional(anything),
  }),
  storage: optional(
    object({
      disks: optional(anything),
      raid: optional(anything),
      luks: optional(anything),
      filesystems: list(filesystem),
      ...entries,
    }),
  ),
  systemd: optional(object({ units: list(unit) })),
  passwd: optional(object({ users: optional(anything), groups: optional(anything) })),
  kernelArguments: optional(anything),
});

/** Of sections that no manifest has: why, and what to do instead. */
const foreign: readonly (readonly [path: string, code: string, why: string, instead: string])[] = [
  [
    "storage.disks",
    "partitions",
    "moult does not partition disks.",
    "Attach a data disk for each purpose, and describe it under `disks`.",
  ],
  [
    "storage.raid",
    "raid",
    "moult makes no arrays.",
    "A persistent disk is redundant already; stripe local disks in the image's own unit.",
  ],
  [
    "storage.luks",
    "encryption",
    "Google encrypts disks at rest, with your own key where the template names one.",
    "Name a key of Cloud KMS in the base template's disks.",
  ],
  [
    "passwd.users",
    "users",
    "Who a machine knows is the image's to say: a break-in must not find accounts that a boot made.",
    "Create the users while the image is built (useradd); let people in with OS Login.",
  ],
  [
    "passwd.groups",
    "groups",
    "Which groups a machine knows is the image's to say.",
    "Create them while the image is built (groupadd).",
  ],
  [
    "kernelArguments",
    "kernel-arguments",
    "The kernel runs by the time the agent does.",
    "Set them in the image's boot loader.",
  ],
  [
    "ignition.config.merge",
    "merge",
    "Another configuration is merged into this one.",
    "Translate that one as well, and join the two manifests.",
  ],
];

/** Of sections that say how Ignition fetches. */
const fetching = ["ignition.timeouts", "ignition.security", "ignition.proxy"];

/** An Ignition configuration of specification 3.`minor` as a manifest; its version has been looked at. */
export function translateIgnition(
  source: JsonDocument,
  minor: number,
  name: string,
): Translated & { reading: Reading } {
  const reading = new Reading(source);
  const value = asIgnitionReads(reading, source.value, minor);
  const draft = new Draft(reading);
  const about = { reading, draft, minor, disks: new Map<string, Fields>() };
  const read = document(reading, "", value);
  if (read?.ignition?.config?.replace?.source !== undefined) {
    reading.leave(
      "ignition.config.replace",
      "replaced",
      "Another configuration takes the place of this one as a whole; nothing else of this one counts.",
      "Translate that one.",
    );
    return { ...draft.finish(titleOf(name, minor)), reading };
  }
  for (const [path, ...said] of foreign) for (const at of itemsAt(value, path)) reading.leave(at, ...said);
  for (const path of fetching)
    for (const at of itemsAt(value, path))
      reading.assume(
        at,
        "fetching",
        "It is about what Ignition itself fetches; an agent asks Google's APIs only.",
        "Nothing is to be done, unless the application needs it too.",
      );
  const storage = read?.storage;
  const mounts = new Set((storage?.filesystems ?? []).flatMap((each) => translateFilesystem(about, each) ?? []));
  for (const each of storage?.directories ?? []) translateDirectory(about, each);
  for (const each of storage?.links ?? []) translateLink(about, each);
  for (const each of storage?.files ?? []) translateFile(about, each);
  for (const each of read?.systemd?.units ?? []) translateUnit(about, each, mounts);
  return { ...draft.finish(titleOf(name, minor)), reading };
}

function titleOf(name: string, minor: number): string {
  return `From ${name}, Ignition 3.${minor}.`;
}

/** Each item of a list or map, or the value itself, when there is anything in it. */
function itemsAt(value: unknown, path: string): string[] {
  let found = value;
  for (const key of path.split(".")) found = isMap(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  if (Array.isArray(found)) return found.map((_, i) => `${path}[${i}]`);
  return isMap(found) ? Object.keys(found).map((key) => member(path, key)) : [];
}
