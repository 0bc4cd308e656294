import type { ApiError } from "../../frame/errors.ts";
import { errors } from "../errors.ts";
import { isObject, type Json } from "../schema/check.ts";
import type { StoredGroup, StoredPolicy } from "./model.ts";
import { oneOf } from "./policy.ts";

export const AUTO_DELETE = ["NEVER", "ON_PERMANENT_INSTANCE_DELETION"] as const;
export type AutoDelete = (typeof AUTO_DELETE)[number];

/** What is kept of every machine of a group: disks by device name, addresses by interface. */
export interface StoredStatefulPolicy {
  disks: Record<string, { autoDelete: AutoDelete }>;
  internalIPs: Record<string, { autoDelete: AutoDelete }>;
}

/** What is kept of one machine: the same in full, and metadata of its own. */
export interface PreservedState {
  disks: Record<string, { source: string; mode: "READ_WRITE" | "READ_ONLY"; autoDelete: AutoDelete }>;
  internalIPs: Record<string, { literal: string; autoDelete: AutoDelete }>;
  metadata: Record<string, string>;
}

/** A per-instance configuration; its name is the machine's. */
export interface StoredConfig {
  name: string;
  fingerprint: string;
  state: PreservedState;
  /** Deleted, but the machine still has what it says. */
  deleted?: true;
}

/** Only the first interface of an emulated machine has an address of its own. */
export function checkInterface(name: string): void {
  if (name !== "nic0") throw errors.notEmulated(`stateful addresses of interface ${name}`);
}

const AT = "resource.statefulPolicy.preservedState";

/** Reads a stateful policy; undefined when it keeps nothing. */
export function parseStatefulPolicy(value: unknown, kind: "process" | "virtual"): StoredStatefulPolicy | undefined {
  const state: Json = isObject(value) && isObject(value.preservedState) ? value.preservedState : {};
  const entries = (field: "disks" | "internalIPs" | "externalIPs") =>
    Object.entries(isObject(state[field]) ? state[field] : {}).map(
      ([key, rule]): [string, { autoDelete: AutoDelete }] => [
        key,
        {
          autoDelete: oneOf(
            isObject(rule) ? rule.autoDelete : undefined,
            AUTO_DELETE,
            "NEVER",
            `${AT}.${field}[${key}].autoDelete`,
          ),
        },
      ],
    );
  if (entries("externalIPs").length > 0) throw errors.notEmulated("stateful external addresses");
  const disks = entries("disks");
  const addresses = entries("internalIPs");
  for (const [name] of addresses) checkInterface(name);
  if (disks.length > 0) checkDisksServed(kind);
  if (disks.length + addresses.length === 0) return undefined;
  return { disks: Object.fromEntries(disks), internalIPs: Object.fromEntries(addresses) };
}

/** The root of a real process goes with its machine, so that its disks could not be kept. */
export function checkDisksServed(kind: "process" | "virtual"): void {
  if (kind === "process")
    throw errors.notEmulated("stateful disks of instances that are processes (use --instances virtual)");
}

/** Something is configured to be kept; what an unapplied deletion still keeps does not count. */
export function hasStatefulConfig(group: Partial<Pick<StoredGroup, "stateful" | "configs">>): boolean {
  if (group.stateful) return true;
  for (const config of group.configs?.values() ?? []) if (!config.deleted) return true;
  return false;
}

/**
 * What a group with stateful configuration cannot be.
 * https://docs.cloud.google.com/compute/docs/instance-groups/configuring-stateful-migs, "Limitations"; the texts are ours.
 */
export function statefulRuleBroken(policy: StoredPolicy, regional: boolean, autoscaled: boolean): ApiError | undefined {
  const at = "resource.updatePolicy";
  if (policy.type === "PROACTIVE" && policy.replacementMethod === "SUBSTITUTE")
    return errors.value(
      `${at}.replacementMethod`,
      policy.replacementMethod,
      "Replacement method must be RECREATE for proactive updates of managed instance groups with stateful configuration.",
    );
  if (regional && policy.instanceRedistributionType === "PROACTIVE")
    return errors.value(
      `${at}.instanceRedistributionType`,
      policy.instanceRedistributionType,
      "Instance redistribution type must be NONE for regional managed instance groups with stateful configuration.",
    );
  if (autoscaled)
    return errors.value(
      "resource.statefulPolicy",
      "",
      "Stateful configuration cannot be used with a managed instance group that is autoscaled.",
    );
  return undefined;
}

export function renderStatefulPolicy({ disks, internalIPs }: StoredStatefulPolicy): Json {
  return {
    preservedState: {
      ...(Object.keys(disks).length > 0 && { disks }),
      ...(Object.keys(internalIPs).length > 0 && { internalIPs }),
    },
  };
}
