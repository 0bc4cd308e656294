import type { Finding } from "../finding.ts";
import { Checker, list, map, object, optional, text } from "./checker.ts";
import { checkWhole } from "./crossings.ts";
import { value } from "./fields.ts";
import type { JsonDocument } from "./json.ts";
import { emptyManifest, type Manifest } from "./manifest.ts";
import { secrets } from "./release.ts";
import { attributes } from "./sections/attributes.ts";
import { disk } from "./sections/disks.ts";
import { directory, file, link } from "./sections/placed.ts";
import { environment, unit } from "./sections/units.ts";
import { drift, logs, ready, vault } from "./sections/watched.ts";

const manifestFields = object({
  manifest: (check, at, value) => (value === 1 ? 1 : check.fail(at, "manifest-version", "This agent reads version 1.")),
  host: optional(object({ name: text() })),
  values: map(/^[A-Za-z_][\w-]*$/, value),
  attributes,
  environment,
  directories: list(directory),
  links: list(link),
  files: list(file),
  disks: list(disk),
  units: list(unit),
  ready: optional(ready),
  drift: optional(drift),
  logs: list(logs),
  secrets,
  vaults: list(vault),
});

/** Reads a manifest and says everything that is wrong with it. The manifest is only to be used when nothing is. */
export function validateManifest(document: JsonDocument): { manifest: Manifest; findings: Finding[] } {
  const check = new Checker(document);
  const read = document.value === undefined ? undefined : manifestFields(check, "", document.value);
  if (!read) return { manifest: emptyManifest, findings: check.findings };
  const { manifest: _, host, ...sections } = read;
  const manifest: Manifest = {
    ...emptyManifest,
    ...Object.fromEntries(Object.entries(sections).filter(([, section]) => section !== undefined)),
    hostName: host?.name,
  };
  checkWhole(check, manifest);
  return { manifest, findings: check.findings };
}
