import { list, object, oneOf, optional, type Rule, text } from "../checker.ts";
import { duration, group, mode, owner, ownerOf, path } from "../fields.ts";
import type { ManifestDisk } from "../manifest.ts";

/** These hold the system, or the agent's own state, which a mount would hide. */
const system = /^\/(bin|boot|etc|lib\w*|root|run|sbin|tmp|usr|var(\/lib)?)$|^\/(boot|etc|run|usr)\//;

const mount: Rule<string> = (check, at, value) => {
  const given = path(check, at, value);
  return given !== undefined && (system.test(given) || !/^[\w.@:+/-]+$/.test(given))
    ? check.fail(at, "not-a-mount", "A mount has plain characters and is no folder of the system's.")
    : given;
};

const fields = object({
  // https://cloud.google.com/compute/docs/reference/rest/v1/instances (disks[].deviceName)
  device: text(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, "not-a-device", "A device name has a-z, 0-9 and -, at most 63."),
  mount,
  fs: optional(oneOf(["ext4", "xfs"] as const)),
  options: list(text(/^[\w.:=/-]+$/, "not-an-option", "One option has no comma or space.")),
  format: optional(oneOf(["blank", "never"] as const)),
  owner: optional(owner),
  group: optional(group),
  mode: optional(mode),
  within: optional(duration),
});

export const disk: Rule<ManifestDisk> = (check, at, value) => {
  const read = fields(check, at, value);
  if (!read) return undefined;
  const { device, mount, fs = "ext4", options = [], format = "blank", mode = 0o755, within = 60_000 } = read;
  const owner = ownerOf(check, at, read);
  return device === undefined || mount === undefined
    ? undefined
    : { at, device, mount, fs, options, format, owner, mode, withinMs: within };
};
