import { map, object, optional, type Rule, text } from "../checker.ts";
import type { ManifestUnit, Origin } from "../manifest.ts";
import { anyOrigin, originOf, publicOrigin } from "./origin.ts";

const plainKinds = "service|socket|target|mount|timer|path";
const quadletKinds = "container|volume|network|kube|pod|image|build";
const quadlet = new RegExp(`^(.*)\\.(${quadletKinds})$`);

export const unitName = text(
  new RegExp(`^(?!moult-)[\\w:.@\\\\-]{1,200}\\.(${plainKinds}|${quadletKinds})$`),
  "not-a-unit",
  "A unit's full name is needed, like web.service (not moult's own).",
);

/** Text with placeholders for each variable. */
export const environment = map(/^[A-Za-z_]\w*$/, text());

const credentialFields = object(anyOrigin);
const credential: Rule<Origin> = (check, at, value) => {
  const fields = credentialFields(check, at, value);
  return fields && originOf(check, at, value, fields);
};

const unitFields = object({
  name: unitName,
  ...publicOrigin,
  wantedBy: optional(text(/^[\w:.@\\-]+\.target$/, "not-a-target", "A target's full name is needed.")),
  environment,
  // Narrower than systemd's own rule: no character of it means anything in a unit file.
  credentials: map(/^(?!\.{1,2}$)[\w.@-]{1,255}$/, credential),
});

export const unit: Rule<ManifestUnit> = (check, at, value) => {
  const short = typeof value === "string";
  const name = short ? unitName(check, at, value) : undefined;
  if (short && name === undefined) return undefined;
  const fields = unitFields(check, at, short ? { name } : value);
  if (!fields) return undefined;
  const origin = originOf(check, at, short ? {} : value, fields, publicOrigin, true);
  const { environment = new Map(), credentials = new Map(), wantedBy } = fields;
  if (fields.name === undefined) return undefined;
  if (environment.size + credentials.size > 0 && !fields.name.endsWith(".service"))
    check.fail(at, "only-services", "Only a .service takes environment and credentials.");
  return {
    at,
    name: fields.name,
    origin: origin && !("secret" in origin) ? origin : undefined,
    wantedBy,
    environment,
    credentials,
  };
};

/** The unit that podman's generator makes of a quadlet; of other units the name itself. See podman-systemd.unit(5). */
export function systemdName(name: string): string {
  const [, stem, kind] = quadlet.exec(name) ?? [];
  if (kind === undefined) return name;
  return kind === "container" || kind === "kube" ? `${stem}.service` : `${stem}-${kind}.service`;
}
