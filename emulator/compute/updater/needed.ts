import { isObject, type Json } from "../schema/check.ts";
import type { UpdateAction } from "./values.ts";

/** What can change on a running machine, and what after a restart; all else needs another machine. */
const REFRESHABLE = new Set(["metadata", "labels", "tags", "resourceManagerTags", "description"]);
const RESTARTABLE = new Set(["machineType", "minCpuPlatform", "serviceAccounts", "scheduling", "displayDevice"]);

/** What changing a machine from one set of properties to another takes at least. */
export function neededBetween(from: Json, to: Json): UpdateAction {
  const changed = [...new Set([...Object.keys(from), ...Object.keys(to)])].filter(
    (key) => comparable(from[key]) !== comparable(to[key]),
  );
  if (changed.length === 0) return "NONE";
  if (changed.every((key) => REFRESHABLE.has(key))) return "REFRESH";
  if (changed.every((key) => REFRESHABLE.has(key) || RESTARTABLE.has(key))) return "RESTART";
  return "REPLACE";
}

/** Fingerprints differ between equal templates. */
function comparable(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === "fingerprint") return undefined;
    if (!isObject(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
