import type { Reader } from "../findings.ts";
import type { Policy, SecretRef } from "../policy.ts";
import { REGION, readProject, SECRET_ID } from "./forms.ts";

/** Both mean the newest enabled version; `newest-enabled` would otherwise be taken for an alias. */
const NEWEST = ["latest-enabled", "newest-enabled"];
/** Of Secret Manager, which keeps `latest` and `NEW` for itself; `newest` belongs to `version`. */
const ALIAS = /^(?!(?:latest|NEW|newest)$)[A-Za-z][A-Za-z0-9_-]{0,62}$/;

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
  const ref = reader.object(value, path, ["secret", "project", "location", "version", "follows"]);
  if (!ref) return undefined;
  const before = reader.findings.length;
  const secret = reader.text(ref.secret, `${path}.secret`, SECRET_ID, "the id of a secret, without its project");
  const from = readProject(reader, ref.project, `${path}.project`, project);
  const location =
    ref.location === undefined
      ? undefined
      : reader.text(ref.location, `${path}.location`, REGION, "the region of a regional secret, e.g. europe-west4");
  const version = readVersion(reader, ref, path);
  if (reader.findings.length > before || secret === undefined || from === undefined || version === undefined)
    return undefined;
  return { secret, project: from, ...(location !== undefined && { location }), version };
}

/** What a release will name: a number, the newest enabled version, or whatever an alias points to then. */
function readVersion(
  reader: Reader,
  { version, follows }: Record<string, unknown>,
  path: string,
): SecretRef["version"] | undefined {
  if (version !== undefined && follows !== undefined)
    return reader.note(
      path,
      "bad-value",
      `"${path}" has version and follows: keep version to pin a number, or follows to take what changes`,
    );
  if (follows !== undefined) {
    const form = "latest-enabled, or one of the secret's own version aliases (latest, newest and NEW are none)";
    const alias = reader.text(follows, `${path}.follows`, ALIAS, form);
    if (alias === undefined) return undefined;
    return NEWEST.includes(alias) ? "newest" : { alias };
  }
  if (version === undefined || version === "newest") return "newest";
  if (typeof version === "number" && Number.isSafeInteger(version) && version > 0) return version;
  return reader.note(
    `${path}.version`,
    "bad-value",
    `"${path}.version" must be a version number or newest (the newest enabled version when a release is made); an alias is followed with follows`,
  );
}
