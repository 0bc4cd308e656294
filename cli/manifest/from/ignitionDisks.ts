import { unitNameOf } from "../../../agent/disks/escape.ts";
import { list, oneOf, optional, text } from "../../../agent/plan/checker.ts";
import type { About } from "./ignitionFiles.ts";
import { entry } from "./reading.ts";

export const filesystem = entry(
  {
    device: text(),
    format: optional(text()),
    path: optional(text()),
    wipeFilesystem: optional(oneOf([true, false] as const)),
    label: optional(text()),
    uuid: optional(text()),
    options: list(text()),
    mountOptions: list(text()),
  },
  "device",
);
type Filesystem = NonNullable<ReturnType<typeof filesystem>>;

/** @returns the name of the mount unit that the manifest makes of it. */
export function translateFilesystem({ reading, draft, disks }: About, given: Filesystem): string | undefined {
  const { at, device, format, path, label, uuid, options = [], mountOptions = [] } = given;
  // Partitions have -part1 at their end: https://cloud.google.com/compute/docs/disks/disk-symlinks
  const [, name] = /^\/dev\/disk\/by-id\/google-(.+)$/.exec(device) ?? [];
  if (name === undefined || /-part\d+$/.test(name))
    return reading.leave(
      `${at}.device`,
      "not-an-attached-disk",
      "A manifest names a whole disk by the device name of its attachment (/dev/disk/by-id/google-NAME).",
      "Attach the disk under a name of its own in the base template, and describe it under `disks`.",
    );
  if (path === undefined || (format !== "ext4" && format !== "xfs"))
    return reading.leave(
      path === undefined ? at : `${at}.format`,
      "not-mounted",
      "A manifest has disks with ext4 or xfs that are mounted somewhere.",
      "Describe the disk under `disks`, or see to it in the image.",
    );
  if (given.wipeFilesystem)
    return reading.leave(
      `${at}.wipeFilesystem`,
      "wipes",
      "moult makes a file system on a blank disk only, and never empties one.",
      "Empty the disk yourself once, leave this out, and translate again.",
    );
  for (const [field, there] of Object.entries({
    label: label !== undefined,
    uuid: uuid !== undefined,
    options: options.length > 0,
  }))
    if (there)
      reading.leave(
        `${at}.${field}`,
        "mkfs-option",
        "mkfs is run with its defaults; the disk is found by its device name.",
        "If it matters, make the file system yourself and write format: never.",
      );
  if (mountOptions.length > 0)
    reading.assume(
      `${at}.mountOptions`,
      "mount-options",
      "Ignition mounts with them only while it runs; here they are those of the mount.",
      "Compare them with the machine's mount unit.",
    );
  const split = mountOptions.flatMap((option) => option.split(","));
  const disk = { device: name, mount: path, fs: format, ...(split.length > 0 ? { options: split } : {}) };
  disks.set(path, disk);
  draft.add("disks", at, disk);
  return `${unitNameOf(path)}.mount`;
}
