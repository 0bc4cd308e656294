import type { CurrentAction } from "../../../wire/compute.d.ts";
import type { Cloud } from "../cloud.ts";
import type { Scope } from "../names.ts";
import type { Failure } from "../operations.ts";
import type { Health, UpdateAction } from "../updater/values.ts";
import type { StoredAllInstances } from "./allinstances.ts";
import type { PreservedState, StoredConfig, StoredStatefulPolicy } from "./stateful.ts";

export interface FixedOrPercent {
  fixed?: number;
  percent?: number;
}

export interface StoredVersion {
  /** Path of the template. */
  template: string;
  name?: string;
  targetSize?: FixedOrPercent;
}

export interface StoredPolicy {
  type: "PROACTIVE" | "OPPORTUNISTIC";
  instanceRedistributionType?: "PROACTIVE" | "NONE";
  minimalAction: UpdateAction;
  mostDisruptiveAllowedAction?: UpdateAction;
  maxSurge: FixedOrPercent;
  maxUnavailable: FixedOrPercent;
  replacementMethod: "SUBSTITUTE" | "RECREATE";
}

export interface StoredLifecyclePolicy {
  forceUpdateOnRepair: "YES" | "NO";
  defaultActionOnFailure: "REPAIR" | "DO_NOTHING";
}

/** What the caller said a group shall be, and what the group has come to. */
export interface StoredGroup {
  project: string;
  scope: Scope;
  /** Where machines are made: one zone, or those of a regional group. */
  zones: string[];
  /**
   * How a regional group spreads its machines: evenly; evenly as far as zones have room; wherever there is room; all in one
   * zone.
   */
  shape?: "EVEN" | "BALANCED" | "ANY" | "ANY_SINGLE_ZONE";
  /** Where all machines of a group of ANY_SINGLE_ZONE are made. */
  chosenZone?: string;
  id: string;
  name: string;
  created: number;
  description?: string;
  baseInstanceName: string;
  versions: StoredVersion[];
  policy: StoredPolicy;
  lifecycle: StoredLifecyclePolicy;
  healing?: { healthCheck?: string; initialDelaySec: number };
  namedPorts?: { name: string; port: number }[];
  listResults: "PAGELESS" | "PAGINATED";
  targetSize: number;
  allInstances?: StoredAllInstances;
  stateful?: StoredStatefulPolicy;
  /** Per-instance configurations by name. */
  configs: Map<string, StoredConfig>;
  fingerprint: string;
  members: Map<string, Member>;
  /** Newest last. */
  errors: GroupError[];
  deleting?: true;
}

export interface GroupError {
  code: string;
  message: string;
  action: CurrentAction;
  instance: string;
  template: string;
  version?: string;
  timestamp: number;
}

/** One machine of a group, from the decision to make it until it is gone. */
export interface Member {
  name: string;
  zone: string;
  createdAt: number;
  action: CurrentAction;
  template: string;
  version: string;
  /** Its machine's id, once there is one. */
  id?: string;
  health: Health;
  everHealthy: boolean;
  /** Probes in a row that said the other thing. */
  streak: number;
  runningSince?: number;
  /** Out of its instance group, and running until then for the connections it still has; ms since the epoch. */
  drainingUntil?: number;
  attempts: number;
  lastAttempt?: Failure;
  /** Revision of the all-instances configuration that its machine has. */
  revision?: string;
  /** What its machine has of its per-instance configuration. */
  state?: PreservedState;
  /** What the stateful policy keeps for it: paths of disks by device name, and its addresses. */
  kept?: { disks: Record<string, string>; ip?: string; natIp?: string };
}

export function groupPath(group: Pick<StoredGroup, "project" | "scope" | "name">): string {
  const { scope } = group;
  const place = scope.kind === "global" ? "global" : `${scope.kind}s/${scope.name}`;
  return `projects/${group.project}/${place}/instanceGroupManagers/${group.name}`;
}

export function memberPath(group: Pick<StoredGroup, "project">, member: Pick<Member, "zone" | "name">): string {
  return `projects/${group.project}/zones/${member.zone}/instances/${member.name}`;
}

/** The instance behind a member, if it is the one this group made. */
export function instanceOf(cloud: Pick<Cloud, "instances">, group: StoredGroup, member: Member) {
  const instance = member.id === undefined ? undefined : cloud.instances.get(memberPath(group, member));
  return instance?.id === member.id ? instance : undefined;
}

/** How many errors `listErrors` remembers of a group. */
const ERRORS_KEPT = 500;

export function noteError(group: StoredGroup, member: Member, why: Failure, timestamp: number): void {
  group.errors.push({
    code: why.code,
    message: why.message,
    action: member.action,
    instance: memberPath(group, member),
    template: member.template,
    ...(member.version !== "" && { version: member.version }),
    timestamp,
  });
  if (group.errors.length > ERRORS_KEPT) group.errors.shift();
}
