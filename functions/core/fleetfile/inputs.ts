import type { Reader } from "../findings.ts";
import type { Follows, Policy } from "../policy.ts";
import { BUCKET, NAME, NAME_FORM, REF, readDuration, readProject } from "./forms.ts";

const NOTHING: Follows = { family: "", project: "" };

/** Of an image family, or of another fleet; the fields of the one mean nothing with the other. */
export function readFollows(reader: Reader, value: unknown, fleet: string, project: string): Follows {
  const follows = reader.object(value, "follows", ["family", "project", "fleet", "soak", "bucket"]);
  if (!follows) return NOTHING;
  const ofFleet = follows.fleet !== undefined;
  if (ofFleet && follows.family !== undefined) {
    reader.note(
      "follows",
      "bad-value",
      `"follows" names a family and a fleet: keep family to run its newest image, fleet to run what is proved there`,
    );
    return NOTHING;
  }
  for (const [key, other] of ofFleet
    ? [["project", "family"]]
    : [
        ["soak", "fleet"],
        ["bucket", "fleet"],
      ])
    if (key !== undefined && follows[key] !== undefined)
      reader.note(`follows.${key}`, "bad-value", `"follows.${key}" belongs to follows.${other}, which is not there`);
  return ofFleet ? readFleet(reader, follows, fleet) : readFamily(reader, follows, project);
}

function readFamily(reader: Reader, follows: Record<string, unknown>, project: string): Follows {
  const family = reader.text(
    follows.family,
    "follows.family",
    NAME,
    "the name of an image family (or follows.fleet, to follow another fleet)",
  );
  return { family: family ?? "", project: readProject(reader, follows.project, "follows.project", project) ?? "" };
}

function readFleet(reader: Reader, follows: Record<string, unknown>, own: string): Follows {
  const fleet = reader.text(follows.fleet, "follows.fleet", NAME, NAME_FORM) ?? "";
  const bucket =
    follows.bucket === undefined
      ? null
      : (reader.text(
          follows.bucket,
          "follows.bucket",
          BUCKET,
          "the name of the state bucket of the other installation",
        ) ?? null);
  if (follows.soak === undefined)
    reader.note(
      "follows.soak",
      "missing-field",
      `"follows.soak" is missing; write how long an image must have been stable in ${fleet || "the other fleet"}, e.g. 2h`,
    );
  if (fleet !== "" && fleet === own && follows.bucket === undefined)
    reader.note(
      "follows.fleet",
      "bad-value",
      `"follows.fleet" is the fleet itself, which would never get another image: name another fleet, or the bucket of another installation that has one of this name`,
    );
  return { fleet, bucket, soakMs: readDuration(reader, follows.soak, "follows.soak", 0) };
}

export function readConfig(reader: Reader, value: unknown): Policy["config"] {
  if (value === undefined) return null;
  const config = reader.object(value, "config", ["ref"]);
  const ref = config && reader.text(config.ref, "config.ref", REF, "the name of a configuration ref such as web/prod");
  return ref ? { ref } : null;
}
