import { type Finding, findingAt } from "../../../agent/finding.ts";
import { type JsonDocument, member } from "../../../agent/plan/json.ts";
import type { Reading } from "./reading.ts";

/** The last one, 3.6.0, came with Ignition 2.24: https://coreos.github.io/ignition/specs */
const newest = 6;

/**
 * In which specification fields appeared, where not in 3.0: https://coreos.github.io/ignition/migrating-configs. What lies below
 * such a field goes with it.
 */
const since: Readonly<Record<string, number>> = {
  "ignition.proxy": 1,
  "ignition.config.merge[].compression": 1,
  "ignition.config.merge[].httpHeaders": 1,
  "ignition.config.replace.compression": 1,
  "ignition.config.replace.httpHeaders": 1,
  "ignition.security.tls.certificateAuthorities[].compression": 1,
  "ignition.security.tls.certificateAuthorities[].httpHeaders": 1,
  "storage.files[].contents.httpHeaders": 1,
  "storage.files[].append[].httpHeaders": 1,
  "storage.filesystems[].mountOptions": 1,
  "storage.disks[].partitions[].resize": 2,
  "storage.luks": 2,
  "passwd.users[].shouldExist": 2,
  "passwd.groups[].shouldExist": 2,
  kernelArguments: 3,
  "storage.luks[].discard": 4,
  "storage.luks[].openOptions": 4,
  "storage.luks[].clevis.tang[].advertisement": 4,
  "storage.luks[].cex": 5,
};

const versionPath = "ignition.version";

/** The y of specification 3.y.0, or why this is no document that can be translated. */
export function minorOf(document: JsonDocument): number | Finding {
  const { text, value, where } = document;
  const refuse = (path: string, code: string, sentence: string): Finding => ({
    where,
    path,
    ...document.at(path),
    code,
    sentence,
  });
  if (!isMap(value)) return findingAt(where, text, 0, "not-an-object", "An Ignition configuration is a JSON object.");
  if (Object.hasOwn(value, "ignitionVersion"))
    return refuse("ignitionVersion", "specification-1", `It is of specification 1.${convert}`);
  const version = isMap(value.ignition) ? value.ignition.version : undefined;
  if (typeof version !== "string")
    return refuse(versionPath, "missing", "An Ignition configuration says its specification in ignition.version.");
  if (/^2\./.test(version)) return refuse(versionPath, "specification-2", `It is of specification 2.${convert}`);
  if (/^3\.\d+\.0-experimental$/.test(version))
    return refuse(
      versionPath,
      "experimental",
      "Fields of an experimental specification change without notice. Say the stable one that has yours.",
    );
  const minor = Number(/^3\.(\d)\.0$/.exec(version)?.[1] ?? Number.NaN);
  return minor <= newest
    ? minor
    : refuse(versionPath, "specification-unknown", `Specifications 3.0.0 to 3.${newest}.0 are known here.`);
}

const convert =
  "x, in which files and units mean other things. Convert it to 3.x with coreos/ign-converter first, or write it in Butane.";

/** As Ignition sees it: without what is null (to Go's JSON that is absent), and without fields of later specifications. */
export function asIgnitionReads(reading: Reading, value: unknown, minor: number): unknown {
  const walk = (given: unknown, path: string, pattern: string): unknown => {
    if (Array.isArray(given)) return given.map((item, i) => walk(item, `${path}[${i}]`, `${pattern}[]`));
    if (!isMap(given)) return given;
    return Object.fromEntries(
      Object.entries(given).flatMap(([key, item]) => {
        const at = member(path, key);
        const inner = pattern === "" ? key : `${pattern}.${key}`;
        const from = Object.hasOwn(since, inner) ? (since[inner] ?? 0) : 0;
        if (item === null) return [];
        if (from <= minor) return [[key, walk(item, at, inner)]];
        reading.leave(
          at,
          "field-newer",
          `Specification 3.${minor} does not have this field, so Ignition ignores it.`,
          `Say version 3.${from}.0 or newer if it is meant.`,
        );
        return [];
      }),
    );
  };
  return walk(value, "", "");
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
