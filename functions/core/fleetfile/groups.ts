import type { Reader } from "../findings.ts";
import { type GroupRef, groupKey } from "../policy.ts";
import { NAME, NAME_FORM, REGION, ZONE } from "./forms.ts";

export function readGroups(reader: Reader, value: unknown): GroupRef[] {
  if (!Array.isArray(value) || value.length === 0) {
    reader.note(
      "groups",
      value === undefined ? "missing-field" : "wrong-type",
      `"groups" must be a list with at least one group, e.g. [{ zone: us-central1-a, name: web, base: web-base }]`,
    );
    return [];
  }
  const seen = new Set<string>();
  return value.flatMap((entry: unknown, i) => {
    const path = `groups[${i}]`;
    const group = reader.object(entry, path, ["zone", "region", "name", "base", "wave"]);
    if (!group) return [];
    const location = readLocation(reader, group, path);
    const name = reader.text(group.name, `${path}.name`, NAME, NAME_FORM);
    const base = reader.text(group.base, `${path}.base`, NAME, "the name of the group's base instance template");
    const wave = group.wave === undefined ? 1 : reader.whole(group.wave, `${path}.wave`, 1);
    if (!location || !name || !base || wave === undefined) return [];
    const ref = { ...location, name, base, wave };
    if (seen.has(groupKey(ref)))
      reader.note(path, "duplicate", `"${path}" names the group ${groupKey(ref)} a second time`);
    seen.add(groupKey(ref));
    return [ref];
  });
}

function readLocation(
  reader: Reader,
  group: Record<string, unknown>,
  path: string,
): Pick<GroupRef, "location" | "regional"> | undefined {
  const { zone, region } = group;
  if (zone !== undefined && region !== undefined)
    return reader.note(
      path,
      "bad-value",
      `"${path}" has a zone and a region: keep zone for a zonal group, region for a regional one`,
    );
  if (zone === undefined && region === undefined)
    return reader.note(
      path,
      "missing-field",
      `"${path}" must have the zone of a zonal group (zone: us-central1-a) or the region of a regional one (region: us-central1)`,
    );
  const location =
    region === undefined
      ? reader.text(zone, `${path}.zone`, ZONE, "a zone such as us-central1-a")
      : reader.text(region, `${path}.region`, REGION, "a region such as us-central1");
  return location === undefined ? undefined : { location, regional: region !== undefined };
}
