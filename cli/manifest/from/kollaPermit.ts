import { compile, isGlob, matches } from "./glob.ts";
import { modeOf, ownerOf, type Permission } from "./kolla.ts";
import { type Entry, withRead } from "./kollaEntry.ts";
import type { Reading } from "./reading.ts";

const atBuild = "Give them owner and mode while the image is built (chown, chmod).";

/** One of permissions: over what the manifest places, and what can be said of the rest. */
export function permit(reading: Reading, entries: Entry[], given: Permission): undefined {
  const { at, owner, perm, recurse } = given;
  // Kolla walks to `/var/log/x/` as it does to `/var/log/x`.
  const path = given.path.replace(/(?!^)\/+$/, "");
  const isExcluded = excluder(reading, given);
  if (!isExcluded) return;
  const apply = ({ section, fields }: Entry) => {
    if (section === "links") return;
    fields.owner = ownerOf(owner);
    if (perm !== undefined) fields.mode = section === "directories" ? withRead(modeOf(perm)) : modeOf(perm);
  };
  const named = entries.filter(({ fields }) => matches(path, fields.path));
  named.forEach(apply);
  const isBelow = (one: Entry) =>
    named.length > 0 && !isGlob(path)
      ? one.fields.path.startsWith(`${path}/`)
      : matches(path, one.fields.path.split("/").slice(0, path.split("/").length).join("/"));
  if (recurse)
    for (const each of entries)
      if (!named.includes(each) && isBelow(each) && !isExcluded(each.fields.path)) apply(each);
  if (isGlob(path))
    return reading.leave(
      `${at}.path`,
      "pattern-in-image",
      "What the manifest places has got it; what else the pattern matches is in the image.",
      atBuild,
    );
  if (recurse)
    reading.leave(
      `${at}.recurse`,
      "recurses-into-image",
      "What the manifest places below has got it, and so has the folder; what else lies in it is the image's, or of an earlier start.",
      atBuild,
    );
  if (named.length > 0) return;
  if (!recurse && !given.path.endsWith("/") && /\.[^/]+$/.test(path))
    return reading.leave(
      at,
      "file-of-image",
      "It looks like a file that the manifest does not place, and only what is placed has an owner.",
      atBuild,
    );
  if (perm === undefined || !recurse)
    reading.assume(
      at,
      "folder-made",
      perm === undefined
        ? "It is taken for a folder. Kolla leaves its mode as it is; here it is 0755, and it is made when it is not there."
        : "It is taken for a folder, which is made when it is not there.",
      "Correct the manifest if it is a file, or has another mode.",
    );
  const mode = perm === undefined ? "0755" : withRead(modeOf(perm));
  entries.push({ section: "directories", from: at, fields: { path, owner: ownerOf(owner), mode } });
}

/**
 * Kolla goes through the patterns and sets the rights for each that does not match, so that with several only what matches
 * all of them is left alone. Undefined when one is no pattern here.
 */
function excluder(reading: Reading, { at, exclude = [] }: Permission): ((path: string) => boolean) | undefined {
  const patterns = exclude.map((each) => compile(each));
  const bad = patterns.indexOf(undefined);
  if (bad >= 0)
    return reading.leave(
      `${at}.exclude[${bad}]`,
      "not-a-pattern",
      "It is a pattern of Python's that is none here.",
      "Set the owners in the image, or name the files in the manifest.",
    );
  return (path) => patterns.length > 0 && patterns.every((pattern) => pattern?.test(path));
}
