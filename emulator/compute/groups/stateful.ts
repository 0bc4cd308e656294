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
  externalIPs: Record<string, { autoDelete: AutoDelete }>;
}

/** An address that is kept; `address` is the path of its reservation where the caller named that. */
export interface PreservedIp {
  literal: string;
  address?: string;
  autoDelete: AutoDelete;
}

/** What is kept of one machine: the same in full, and metadata of its own. */
export interface PreservedState {
  disks: Record<string, { source: string; mode: "READ_WRITE" | "READ_ONLY"; autoDelete: AutoDelete }>;
  internalIPs: Record<string, PreservedIp>;
  externalIPs: Record<string, PreservedIp>;
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
export function parseStatefulPolicy(value: unknown): StoredStatefulPolicy | undefined {
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
  const [disks, internal, external] = [entries("disks"), entries("internalIPs"), entries("externalIPs")];
  for (const [name] of [...internal, ...external]) checkInterface(name);
  if (disks.length + internal.length + external.length === 0) return undefined;
  return {
    disks: Object.fromEntries(disks),
    internalIPs: Object.fromEntries(internal),
    externalIPs: Object.fromEntries(external),
  };
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

export function renderStatefulPolicy({ disks, internalIPs, externalIPs }: StoredStatefulPolicy): Json {
  return {
    preservedState: {
      ...(Object.keys(disks).length > 0 && { disks }),
      ...(Object.keys(internalIPs).length > 0 && { internalIPs }),
      ...(Object.keys(externalIPs).length > 0 && { externalIPs }),
    },
  };
}
