import { utc } from "../../frame/time.ts";
import { errors } from "../errors.ts";
import { isObject, type Json } from "../schema/check.ts";
import type { StoredGroup } from "./model.ts";

/** What a group sets on all its machines over their template. */
export interface StoredAllInstances {
  labels: Record<string, string>;
  metadata: Record<string, string>;
  /** RFC 3339; another one with every change. */
  revision: string;
}

const texts = (value: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries(isObject(value) ? value : {}).map(([key, text]) => [key, String(text)]));

const LABEL = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;

/**
 * Reads an all-instances configuration. Undefined when it sets nothing. The revision is new only when something changed.
 * https://docs.cloud.google.com/compute/docs/instance-groups/set-mig-aic
 */
export function parseAllInstances(
  value: unknown,
  old: StoredAllInstances | undefined,
  now: number,
): StoredAllInstances | undefined {
  const properties: Json = isObject(value) && isObject(value.properties) ? value.properties : {};
  const at = "resource.allInstancesConfig.properties";
  if (properties.exposeHostTopology) throw errors.notEmulated("allInstancesConfig with exposeHostTopology");
  const labels = texts(properties.labels);
  const metadata = texts(properties.metadata);
  for (const [key, text] of Object.entries(labels))
    if (!/^[\p{Ll}\p{Lo}]/u.test(key) || !LABEL.test(key) || !LABEL.test(text))
      throw errors.value(`${at}.labels`, labels, `Label '${key}' is malformed.`);
  for (const key of Object.keys(metadata))
    if (!/^[\w-]{1,128}$/.test(key))
      throw errors.value(`${at}.metadata`, metadata, "Metadata keys must match regex '[a-zA-Z0-9-_]{1,128}'.");
  if (Object.keys(labels).length === 0 && Object.keys(metadata).length === 0) return undefined;
  const same = old && JSON.stringify([old.labels, old.metadata]) === JSON.stringify([labels, metadata]);
  if (same) return old;
  // Two changes within one millisecond are two revisions.
  const instant = old ? Math.max(now, Date.parse(old.revision) + 1) : now;
  return { labels, metadata, revision: utc(instant) };
}

export function renderAllInstances({ labels, metadata }: StoredAllInstances): Json {
  return {
    properties: {
      ...(Object.keys(metadata).length > 0 && { metadata }),
      ...(Object.keys(labels).length > 0 && { labels }),
    },
  };
}

/** Whether every machine has the present configuration. */
export function isEffective(group: Pick<StoredGroup, "allInstances" | "members">): boolean {
  const wanted = group.allInstances?.revision;
  for (const member of group.members.values()) if (member.id !== undefined && member.revision !== wanted) return false;
  return true;
}
