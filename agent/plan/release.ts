import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import { Failure } from "../outcome.ts";
import { Checker, map, object, optional, type Rule, text } from "./checker.ts";
import { readJson } from "./json.ts";
import { readReference } from "./reference.ts";

export const secretName = /^[\w-]{1,255}$/;
const reference: Rule<string> = (check, at, value) => {
  const given = text()(check, at, value);
  return given === undefined || readReference(given)
    ? given
    : check.fail(
        at,
        "not-a-version",
        "A version is projects/…/secrets/S/versions/NUMBER or vault://HOST/MOUNT/PATH?version=NUMBER#FIELD.",
      );
};
export const secrets = map(secretName, reference);

const digest = text(/^[0-9a-f]{64}$/, "not-a-digest", "64 hex digits are needed.");
const bucket = text(/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/, "not-a-bucket", "A bucket's name is needed.");

// Open: the control plane may be newer than the image.
const release = object(
  {
    release: digest,
    fleet: text(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "not-a-fleet", "A fleet's name is needed."),
    image: object({ name: text(), id: text(/^\d+$/, "not-an-id", "Digits in quotes are needed.") }, true),
    config: optional(object({ bucket, commit: digest }, true)),
    secrets,
    reports: optional(
      object(
        {
          bucket,
          topic: text(/^projects\/[a-z0-9.:-]+\/topics\/[\w.~+-]+$/, "not-a-topic", "projects/P/topics/T is needed."),
        },
        true,
      ),
    ),
  },
  true,
);

/** Reads the metadata key `moult-release` (docs/contracts.md). */
export function readRelease(json: string): ReleaseMetadata {
  const document = readJson("moult-release", json);
  const check = new Checker(document);
  const read = document.value === undefined ? undefined : release(check, "", document.value);
  const found = read && check.findings.length === 0 ? complete(read) : undefined;
  if (!found) throw new Failure("release-invalid", "moult-release is not valid", check.findings);
  return found;
}

/** Without findings nothing that is needed is missing; said again for the compiler. */
function complete(read: NonNullable<ReturnType<typeof release>>): ReleaseMetadata | undefined {
  const { release: id, fleet, image, config, secrets: named, reports } = read;
  if (!id || !fleet || !image?.id || image.name === undefined || !named) return undefined;
  return {
    release: id,
    fleet,
    image: { name: image.name, id: image.id },
    secrets: Object.fromEntries(named),
    ...(config?.bucket && config.commit ? { config: { bucket: config.bucket, commit: config.commit } } : {}),
    ...(reports?.bucket && reports.topic ? { reports: { bucket: reports.bucket, topic: reports.topic } } : {}),
  };
}
