import { list, object, oneOf, optional, type Rule, text } from "../../../agent/plan/checker.ts";
import { type Draft, type Fields, literally, sourceName } from "./draft.ts";
import { bytesOf, type Resource, resource } from "./ignitionResource.ts";
import { entry, type Reading } from "./reading.ts";

const whole32: Rule<number> = (check, path, value) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32
    ? value
    : check.fail(path, "not-a-number", "A whole number is needed, not below 0.");

const flag = oneOf([true, false] as const);
const account = object({ id: optional(whole32), name: optional(text()) });
const shared = { path: text(), overwrite: optional(flag), user: optional(account), group: optional(account) };

const file = entry(
  { ...shared, mode: optional(whole32), contents: optional(resource), append: list(resource) },
  "path",
);
const directory = entry({ ...shared, mode: optional(whole32) }, "path");
// `target` is absent in a link that only deletes a parent's, which specifications before 3.4 could have.
const link = entry({ ...shared, target: optional(text()), hard: optional(flag) }, "path");

export const entries = { files: list(file), directories: list(directory), links: list(link) };

type File = NonNullable<ReturnType<typeof file>>;
type Directory = NonNullable<ReturnType<typeof directory>>;
type Link = NonNullable<ReturnType<typeof link>>;
type Account = File["user"];

export interface About {
  reading: Reading;
  draft: Draft;
  /** Of the specification: 3.`minor`. */
  minor: number;
  /** Mount → the fields of the disk that the manifest has there. */
  disks: Map<string, Fields>;
}

export function translateFile({ reading, draft, minor }: About, given: File): void {
  const { at, path, overwrite = false, contents, append = [] } = given;
  const owner = ownerOf(reading, given);
  const mode = modeOf(reading, `${at}.mode`, given.mode, minor);
  const bytes = contentOf(reading, at, contents, append);
  if (!owner || !bytes || mode === null) return;
  const origin = draft.origin(at, sourceName(path), bytes);
  if (path === "/etc/hostname")
    reading.assume(
      at,
      "one-name-for-all",
      "Every machine of a fleet would have this one name.",
      'Take the file out and write host: { name: "{{ instance.name }}" }.',
    );
  // Without contents Ignition leaves a file alone that is there; with them it stops, unless it may overwrite.
  const existing = overwrite ? "replace" : contents?.source === undefined ? "keep" : "refuse";
  draft.add("files", at, { path, ...origin, owner, mode: mode ?? "0644", existing });
}

function contentOf(
  reading: Reading,
  at: string,
  contents: Resource | undefined,
  append: readonly Resource[],
): Buffer | undefined {
  if (contents?.source === undefined && append.length > 0)
    return reading.leave(
      `${at}.append`,
      "appends-to-the-image",
      "It adds to a file of the image; a manifest describes whole files, so that their digest is known.",
      "Take the file from the image, add the text, put it into files/ and name it with `source`.",
    );
  const parts = [contents, ...append].map((part) => (part ? bytesOf(reading, part) : Buffer.alloc(0)));
  return parts.includes(undefined) ? undefined : Buffer.concat(parts.filter((part) => part !== undefined));
}

/** The folder that a disk is mounted on is the disk's own. */
export function translateDirectory({ reading, draft, minor, disks }: About, given: Directory): void {
  const { at, path, overwrite = false } = given;
  const owner = ownerOf(reading, given);
  const mode = modeOf(reading, `${at}.mode`, given.mode, minor);
  if (!owner || mode === null) return;
  if (overwrite)
    reading.leave(
      `${at}.overwrite`,
      "deletes",
      "moult deletes nothing of the image; the folder gets its owner and mode, and keeps what is in it.",
      "Leave the folder out of the image, or empty it there.",
    );
  const rights = { owner, mode: mode ?? "0755" };
  const disk = disks.get(path);
  if (disk) Object.assign(disk, rights);
  else draft.add("directories", at, { path, ...rights });
}

export function translateLink(
  { reading, draft }: About,
  { at, path, target, hard, overwrite, user, group }: Link,
): undefined {
  if (hard)
    return reading.leave(
      `${at}.hard`,
      "hard-link",
      "A manifest has symbolic links only.",
      "Leave `hard` out, or make the link in the image.",
    );
  if (target === undefined)
    return reading.leave(at, "missing", "A link without a target leads nowhere.", "Give it a `target`.");
  for (const [name, given] of Object.entries({ user, group }))
    if (given && (given.id ?? 0) + (given.name === undefined || given.name === "root" ? 0 : 1) > 0)
      reading.leave(
        `${at}.${name}`,
        "link-owner",
        "A link is always the agent's own (root); nobody's rights go by a link's owner.",
        "Nothing is to be done.",
      );
  draft.add("links", at, { path, to: literally(target), existing: overwrite ? "replace" : "refuse" });
}

/** Ignition gives what names no user or group to root; moult would take the named user's own group. */
function ownerOf(
  reading: Reading,
  { at, user, group }: { at: string; user: Account; group: Account },
): string | undefined {
  const parts = Object.entries({ user, group }).map(([name, given]) => {
    const { id, name: known } = given ?? {};
    if (id !== undefined && known !== undefined)
      return reading.leave(
        `${at}.${name}`,
        "id-and-name",
        "It has an id and a name; Ignition refuses both.",
        "Leave one out.",
      );
    return known ?? String(id ?? 0);
  });
  return parts.includes(undefined) ? undefined : parts.join(":").replace(/^0:0$/, "root:root");
}

/** Common modes by their digits: as decimal numbers they are modes that nobody wants. */
const typedInOctal = new Set([
  400, 440, 444, 500, 550, 555, 600, 640, 644, 660, 664, 666, 700, 750, 755, 770, 775, 777,
]);

/** Octal, as a manifest wants it; null when it is no mode, which is said. A number of Ignition is decimal. */
function modeOf(reading: Reading, at: string, mode: number | undefined, minor: number): string | undefined | null {
  if (mode === undefined) return undefined;
  const octal = (bits: number) => bits.toString(8).padStart(4, "0");
  if (mode > 0o7777) {
    reading.leave(at, "mode-too-large", "It is more than 7777 in octal.", "Ignition's modes are decimal: 0644 is 420.");
    return null;
  }
  if (typedInOctal.has(mode)) {
    const meant = `0${mode}`;
    reading.assume(
      at,
      "mode-decimal",
      `Modes of Ignition are decimal, so this one is ${octal(mode)}.`,
      `Was ${meant} meant? Then Ignition's number is ${Number.parseInt(meant, 8)}, and the manifest's "${meant}".`,
    );
  }
  // https://coreos.github.io/ignition/configuration-v3_3: "Setuid/setgid/sticky bits are not supported."
  if (mode <= 0o777 || minor >= 4) return octal(mode);
  reading.leave(
    at,
    "mode-special",
    `Ignition ignores set-id and sticky bits in specification 3.${minor}; they are left out here as well.`,
    `Write mode "${octal(mode)}" in the manifest if they are meant.`,
  );
  return octal(mode & 0o777);
}
