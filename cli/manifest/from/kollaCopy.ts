import type { Beside } from "./beside.ts";
import { type Draft, literally, sourceName } from "./draft.ts";
import { expandGlob, isGlob } from "./glob.ts";
import { type ConfigFile, modeOf, ownerOf } from "./kolla.ts";
import { type Entry, withRead } from "./kollaEntry.ts";
import type { Reading } from "./reading.ts";

/** Where a container of Kolla finds the configuration and what lies beside it. */
const folder = "/var/lib/kolla/config_files/";

interface Context {
  reading: Reading;
  draft: Draft;
  beside: Beside;
}

/** Owner and mode of what is copied. */
type Properties = (name: string) => { owner?: string; mode: string };

/** One of config_files: a file, a folder with all that is in it, or what a pattern matches. */
export function copy(context: Context, given: ConfigFile): Entry[] {
  const { reading } = context;
  const { at, source, dest } = given;
  if (/\{[{%]/.test(source + dest)) {
    reading.leave(
      at,
      "not-rendered",
      "It is a template of kolla-ansible that has not been rendered.",
      "Take the configuration from a host that is deployed: /etc/kolla/NAME/config.json.",
    );
    return [];
  }
  const properties = propertiesOf(context, given);
  if (!properties) return [];
  if (!source.startsWith(folder)) return ofImage(reading, given, properties("").mode);
  const name = source.slice(folder.length).replace(/\/+$/, "");
  if (name.split("/").some((part) => part === ".." || part === "")) {
    reading.leave(
      `${at}.source`,
      "not-a-source",
      "It leads out of the configuration's folder.",
      "Put the file beside it.",
    );
    return [];
  }
  const names = isGlob(name) ? expandGlob(context.beside, name) : [name];
  if (names.length === 0 || !context.beside.kind(names[0] ?? ""))
    return absent(reading, given, name, properties("").mode);
  if (names.length > 1 && !dest.endsWith("/")) {
    reading.leave(
      `${at}.dest`,
      "one-for-many",
      "The pattern matches several, and each would take the place of the one before.",
      "End dest with / so that they go into a folder.",
    );
    return [];
  }
  return names.flatMap((each) => {
    const to = destOf(dest, each);
    if (context.beside.kind(each) === "folder" && !given.merge)
      reading.leave(
        `${at}.merge`,
        "deletes",
        `Without merge Kolla deletes the folder first; moult deletes nothing of the image.`,
        "Leave the folder out of the image; what the manifest names is placed all the same.",
      );
    return tree(context, given, properties, each, to);
  });
}

function destOf(dest: string, name: string): string {
  return dest.endsWith("/") ? `${dest}${name.split("/").at(-1)}` : dest;
}

/** Undefined when they are not said, which is. */
function propertiesOf({ reading, beside }: Context, given: ConfigFile): Properties | undefined {
  const { at, owner, perm, preserve_properties: preserve } = given;
  if (preserve) {
    reading.leave(
      `${at}.preserve_properties`,
      "owner-of-source",
      "The owner would be that of the file on the host; a source has none. The mode is that of the file here, the owner root.",
      "Give the file an `owner` that the image knows.",
    );
    return (name) => ({ mode: (beside.mode(name) ?? 0o644).toString(8).padStart(4, "0") });
  }
  if (owner !== undefined && perm !== undefined) return () => ({ owner: ownerOf(owner), mode: modeOf(perm) });
  return reading.leave(at, "missing", "Kolla needs owner and perm, or preserve_properties.", "Give it both.");
}

/** A file that the image has, or something mounted into the container. */
function ofImage(reading: Reading, given: ConfigFile, mode: string): Entry[] {
  const { at, source, dest, owner, optional } = given;
  if (isGlob(source) || source.endsWith("/")) {
    reading.leave(
      `${at}.source`,
      "many-of-image",
      "It names several files of the image; a manifest names each.",
      "Name each with `image`, or leave them where they are.",
    );
    return [];
  }
  reading.assume(
    `${at}.source`,
    "of-image",
    "It is not in the configuration's folder, so it is taken for a file of the image.",
    "If it was mounted into the container, put it into files/ and name it with `source`.",
  );
  const path = destOf(dest, source);
  const fields = { path, image: source, ...(owner === undefined ? {} : { owner: ownerOf(owner) }), mode };
  return [{ section: "files", from: at, fields: { ...fields, ...(optional ? { optional } : {}) } }];
}

/** Not here, and perhaps on the host: the manifest names where it is to be put. */
function absent(reading: Reading, given: ConfigFile, name: string, mode: string): Entry[] {
  const { at, dest, owner, optional } = given;
  if (isGlob(name)) {
    if (!optional)
      reading.leave(
        `${at}.source`,
        "source-absent",
        "Nothing beside the configuration matches the pattern.",
        "Translate it where the files are, or name each file in the manifest.",
      );
    return [];
  }
  const path = destOf(dest, name);
  const source = sourceName(path);
  if (!optional)
    reading.leave(
      `${at}.source`,
      "source-absent",
      "The file is not beside the configuration.",
      "Put it into files/ under the name that the manifest gives as its `source`.",
    );
  const fields = { path, source, ...(owner === undefined ? {} : { owner: ownerOf(owner) }), mode };
  return [{ section: "files", from: at, fields: { ...fields, ...(optional ? { optional } : {}) } }];
}

/** A file, or a folder with all that is in it. */
function tree(
  { beside, draft, reading }: Context,
  given: ConfigFile,
  properties: Properties,
  root: string,
  to: string,
): Entry[] {
  const { at, merge, preserve_properties: preserve } = given;
  const asLinks = merge === true && preserve === true;
  const found = namesBelow(beside, root, asLinks);
  if (!found) {
    reading.leave(
      at,
      "endless",
      "The folder holds more than 5000 names, or a link that leads back into it.",
      "Name the files that are meant one by one.",
    );
    return [];
  }
  return found.flatMap((name): Entry[] => {
    const path = to + name.slice(root.length);
    const { mode, ...owner } = properties(name);
    const link = asLinks ? beside.link(name) : undefined;
    if (link !== undefined)
      return [{ section: "links", from: at, fields: { path, to: literally(link), existing: "replace" } }];
    if (beside.kind(name) === "folder")
      return [{ section: "directories", from: at, fields: { path, ...owner, mode: withRead(mode) } }];
    const bytes = beside.read(name);
    if (bytes)
      return [
        { section: "files", from: at, fields: { path, ...draft.origin(at, sourceName(path), bytes), ...owner, mode } },
      ];
    reading.leave(
      at,
      "source-unreadable",
      "Something in the folder cannot be read.",
      "See to its rights, and translate again.",
    );
    return [];
  });
}

const most = 5_000;

/** A name and all below it, folders first; undefined when there are too many. Links of folders are followed, or not. */
function namesBelow(beside: Beside, root: string, asLinks: boolean): string[] | undefined {
  const found: string[] = [];
  const open = [root];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.push(name) > most) return undefined;
    if (beside.kind(name) === "folder" && !(asLinks && beside.link(name) !== undefined))
      open.push(
        ...beside
          .names(name)
          .map((each) => `${name}/${each}`)
          .reverse(),
      );
  }
  return found;
}
