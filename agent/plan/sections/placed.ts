import { object, oneOf, optional, type Rule, text } from "../checker.ts";
import { group, mode, owner, ownerOf, path } from "../fields.ts";
import { type Existing, formats, type ManifestDirectory, type ManifestFile, type ManifestLink } from "../manifest.ts";
import { anyOrigin, originOf } from "./origin.ts";

/** What is rendered without a format of its own goes by its ending. */
const endings: Record<string, string> = { yml: "yaml", sh: "shell" };

const existing = optional(oneOf<Existing>(["replace", "keep", "refuse"]));

const fileFields = object({
  path,
  ...anyOrigin,
  format: optional(oneOf(formats, "unknown-format")),
  owner: optional(owner),
  group: optional(group),
  mode: optional(mode),
  existing,
  optional: optional(oneOf([true, false])),
});

export const file: Rule<ManifestFile> = (check, at, value) => {
  const fields = fileFields(check, at, value);
  if (!fields) return undefined;
  const origin = originOf(check, at, value, fields);
  const { path: place, optional: leftOut = false } = fields;
  if (leftOut && origin && ("content" in origin || "secret" in origin))
    check.fail(`${at}.optional`, "never-missing", "Only a template, source or image may be missing.");
  const given = ownerOf(check, at, fields);
  if (place === undefined || !origin) return undefined;
  const ending = place.slice(place.lastIndexOf(".") + 1);
  // Only what is rendered is guessed: a file copied as it is may be anything.
  const rendered = "template" in origin || "content" in origin;
  const guess = rendered ? formats.find((name) => name === (endings[ending] ?? ending)) : undefined;
  return {
    at,
    path: place,
    origin,
    format: fields.format ?? guess ?? "text",
    owner: given,
    mode: fields.mode,
    existing: fields.existing ?? "replace",
    optional: leftOut,
  };
};

const directoryFields = object({ path, owner: optional(owner), group: optional(group), mode: optional(mode) });

export const directory: Rule<ManifestDirectory> = (check, at, value) => {
  const fields = directoryFields(check, at, value);
  const given = fields && ownerOf(check, at, fields);
  return fields?.path === undefined ? undefined : { at, path: fields.path, owner: given, mode: fields.mode ?? 0o755 };
};

const linkFields = object({ path, to: text(/./su, "link-empty", "A link leads somewhere."), existing });

export const link: Rule<ManifestLink> = (check, at, value) => {
  const { path: place, to, existing = "replace" } = linkFields(check, at, value) ?? {};
  return place === undefined || to === undefined ? undefined : { at, path: place, to, existing };
};
