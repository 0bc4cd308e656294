import type { Call } from "../../frame/http.ts";
import type { Cloud } from "../cloud.ts";
import { checkName, errors } from "../errors.ts";
import type { Change } from "../method.ts";
import { link, parseRef, pathOf, type Ref } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import { type Deprecation, findImage, imagePath, type StoredImage } from "./model.ts";
import { sourceOf } from "./source.ts";

export const LOCATIONS_DEFAULT = ["us"];
const KEPT = ["guestOsFeatures", "licenses", "licenseCodes", "shieldedInstanceInitialState", "imageEncryptionKey"];

export function insertImage(cloud: Cloud, body: Json, target: Ref, call: Call): Change {
  const name = checkName(body.name);
  const path = pathOf(target);
  if (cloud.images.has(path)) throw errors.exists(path);
  // gcloud writes it as Python does: True.
  const force = call.query.get("forceCreate")?.toLowerCase() === "true";
  const { read: readSource, sizeGb, ...source } = sourceOf(cloud, body, target.project, force);
  const family = checkFamily(body.family);
  const image: StoredImage = {
    project: target.project,
    id: cloud.world.ids.numeric(),
    name,
    created: cloud.world.clock.now(),
    status: "PENDING",
    ...(family && { family }),
    ...(typeof body.description === "string" && { description: body.description }),
    ...(body.labels ? { labels: body.labels as Record<string, string> } : {}),
    labelFingerprint: cloud.world.ids.fingerprint(),
    diskSizeGb: String(body.diskSizeGb ?? sizeGb ?? "10"),
    archiveSizeBytes: "0",
    architecture: String(body.architecture ?? "X86_64"),
    storageLocations: (body.storageLocations as string[] | undefined) ?? LOCATIONS_DEFAULT,
    ...source,
    kept: Object.fromEntries(KEPT.flatMap((key) => (key in body ? [[key, body[key]]] : []))),
  };
  if (body.deprecated) setDeprecation(cloud, image, body.deprecated as Json, call, "resource.deprecated.");
  cloud.images.set(path, image);
  return {
    targetId: image.id,
    ms: cloud.timings.imageCreation,
    finish: () => {
      const content = readSource?.();
      if (content && "code" in content) {
        image.status = "FAILED";
        return content;
      }
      if (content) {
        image.content = content.content;
        image.archiveSizeBytes = String(content.bytes);
      }
      image.status = "READY";
      return undefined;
    },
  };
}

export function setText(image: StoredImage, field: "family" | "description", value: unknown): void {
  if (typeof value === "string" && value !== "") image[field] = value;
  else delete image[field];
}

export function checkFamily(family: unknown): string | undefined {
  return family === undefined || family === null || family === "" ? undefined : checkName(family, "resource.family");
}

/** A patch of the deprecation status: what it leaves out stays, null takes away, and null for all of it clears it. */
export function mergedDeprecation(image: StoredImage, patch: unknown): Json {
  return isObject(patch) ? { ...image.deprecated, ...patch } : {};
}

/** RFC 3339: a date, or a date and a time. gcloud's `--delete-in` and its like send the time without an offset. */
const DATE = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?$/i;

function isDate(text: string): boolean {
  const day = DATE.exec(text)?.[1];
  // The 31st of February reads as a day in March.
  return day !== undefined && !Number.isNaN(Date.parse(text)) && new Date(day).toISOString().startsWith(day);
}

/** Replaces the deprecation status; an empty one clears it. The dates are information: no state changes by itself. */
export function setDeprecation(cloud: Cloud, image: StoredImage, body: Json, call: Call, at: string): void {
  const given = Object.entries(body).filter(([, value]) => value !== null && value !== "");
  const { state, replacement, deprecated, obsolete, deleted } = Object.fromEntries(given) as Record<
    string,
    string | undefined
  >;
  if (state !== undefined && !["ACTIVE", "DEPRECATED", "OBSOLETE", "DELETED"].includes(state))
    throw errors.value(`${at}state`, state, "Must be one of [ACTIVE, DEPRECATED, OBSOLETE, DELETED].");
  for (const [name, date] of Object.entries({ deprecated, obsolete, deleted }))
    if (date && !isDate(date))
      throw errors.value(`${at}${name}`, date, "Must be a date, or a date and time, in RFC 3339 form.");
  if (replacement !== undefined && parseRef(cloud.world, replacement, image.project)?.collection !== "images")
    throw errors.value(`${at}replacement`, replacement, "The URL is malformed.");
  const found = replacement ? findImage(cloud, replacement, image.project) : undefined;
  const status: Deprecation = {
    ...(state ? { state: state as NonNullable<Deprecation["state"]> } : {}),
    ...(replacement && {
      replacement: found ? link(call.origin, imagePath(found)) : replacement,
    }),
    ...(deprecated && { deprecated }),
    ...(obsolete && { obsolete }),
    ...(deleted && { deleted }),
  };
  if (Object.keys(status).length > 0) image.deprecated = status;
  else delete image.deprecated;
}
