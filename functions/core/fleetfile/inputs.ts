import type { Reader } from "../findings.ts";
import type { Follows, Policy, SecretRef } from "../policy.ts";
import { BUCKET, NAME, NAME_FORM, REF, readDuration, readProject, SECRET_ID } from "./forms.ts";

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

export function readSecrets(reader: Reader, value: unknown, project: string): Policy["secrets"] {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    reader.note(
      "secrets",
      "wrong-type",
      `"secrets" must map the names your manifest uses to secrets, e.g. { db-password: { secret: web-db } }`,
    );
    return {};
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, entry]) => {
      const ref = readSecret(reader, entry, `secrets.${key}`, project);
      return ref ? [[key, ref]] : [];
    }),
  );
}

export function readSecret(reader: Reader, value: unknown, path: string, project: string): SecretRef | undefined {
  const ref = reader.object(value, path, ["secret", "project", "version"]);
  if (!ref) return undefined;
  const secret = reader.text(ref.secret, `${path}.secret`, SECRET_ID, "the id of a secret, without its project");
  const from = readProject(reader, ref.project, `${path}.project`, project);
  const version = ref.version === undefined ? "newest" : ref.version;
  if (version !== "newest" && !(typeof version === "number" && Number.isSafeInteger(version) && version > 0))
    return reader.note(
      `${path}.version`,
      "bad-value",
      `"${path}.version" must be a version number or newest (the newest enabled version when a release is made)`,
    );
  return secret !== undefined && from !== undefined ? { secret, project: from, version } : undefined;
}
