/**
 * Compute Engine v1 over REST, as much as moult reads and writes. int64 and uint64 are JSON strings, int32 numbers.
 * https://cloud.google.com/compute/docs/reference/rest/v1
 */

export interface Image {
  kind?: "compute#image";
  id: string;
  name: string;
  family?: string;
  description?: string;
  creationTimestamp: string;
  status: "PENDING" | "READY" | "FAILED" | "DELETING";
  deprecated?: DeprecationStatus;
  labels?: Record<string, string>;
  labelFingerprint?: string;
  architecture?: string;
  diskSizeGb?: string;
  archiveSizeBytes?: string;
  sourceType?: string;
  rawDisk?: { source?: string; sha1Checksum?: string; containerType?: string };
  sourceDisk?: string;
  sourceDiskId?: string;
  sourceImage?: string;
  sourceImageId?: string;
  sourceSnapshot?: string;
  storageLocations?: string[];
  selfLink: string;
}

export interface DeprecationStatus {
  state?: "ACTIVE" | "DEPRECATED" | "OBSOLETE" | "DELETED";
  replacement?: string;
  deprecated?: string;
  obsolete?: string;
  deleted?: string;
}

export interface MetadataItems {
  kind?: string;
  fingerprint?: string;
  items?: { key: string; value?: string }[];
}

/** Opaque apart from what moult must touch: boot disk image and metadata. */
export interface InstanceProperties {
  machineType?: string;
  disks?: AttachedDisk[];
  metadata?: MetadataItems;
  [other: string]: unknown;
}

export interface AttachedDisk {
  boot?: boolean;
  deviceName?: string;
  source?: string;
  initializeParams?: { sourceImage?: string; diskSizeGb?: string; diskType?: string; [other: string]: unknown };
  [other: string]: unknown;
}

export interface InstanceTemplate {
  kind?: "compute#instanceTemplate";
  id?: string;
  name: string;
  description?: string;
  creationTimestamp?: string;
  properties: InstanceProperties;
  selfLink?: string;
}

export interface FixedOrPercent {
  fixed?: number;
  percent?: number;
  calculated?: number;
}

export interface ManagerVersion {
  instanceTemplate?: string;
  name?: string;
  targetSize?: FixedOrPercent;
}

export interface UpdatePolicy {
  type?: "PROACTIVE" | "OPPORTUNISTIC";
  minimalAction?: "NONE" | "REFRESH" | "RESTART" | "REPLACE";
  mostDisruptiveAllowedAction?: "NONE" | "REFRESH" | "RESTART" | "REPLACE";
  maxSurge?: FixedOrPercent;
  maxUnavailable?: FixedOrPercent;
  replacementMethod?: "SUBSTITUTE" | "RECREATE";
  instanceRedistributionType?: "PROACTIVE" | "NONE";
}

export type CurrentAction =
  | "NONE"
  | "CREATING"
  | "CREATING_WITHOUT_RETRIES"
  | "RECREATING"
  | "DELETING"
  | "ABANDONING"
  | "RESTARTING"
  | "REFRESHING"
  | "VERIFYING"
  | "RESUMING"
  | "STARTING"
  | "STOPPING"
  | "SUSPENDING";

export interface InstanceGroupManager {
  kind?: "compute#instanceGroupManager";
  id: string;
  name: string;
  baseInstanceName: string;
  creationTimestamp?: string;
  description?: string;
  zone?: string;
  region?: string;
  distributionPolicy?: { zones?: { zone: string }[]; targetShape?: string };
  instanceTemplate?: string;
  versions: ManagerVersion[];
  targetSize: number;
  instanceGroup?: string;
  fingerprint: string;
  currentActions: Record<string, number>;
  autoHealingPolicies?: { healthCheck?: string; initialDelaySec?: number }[];
  updatePolicy: UpdatePolicy;
  instanceLifecyclePolicy?: Record<string, unknown>;
  namedPorts?: { name: string; port: number }[];
  statefulPolicy?: unknown;
  listManagedInstancesResults?: "PAGELESS" | "PAGINATED";
  status: {
    isStable: boolean;
    versionTarget?: { isReached: boolean };
    allInstancesConfig?: { effective: boolean; currentRevision?: string };
    stateful?: { hasStatefulConfig: boolean; perInstanceConfigs: { allEffective: boolean } };
    autoscaler?: string;
  };
  selfLink: string;
}

export interface ManagedInstance {
  /** URL; exists before the machine. */
  instance: string;
  name: string;
  /** Absent until the machine exists. */
  id?: string;
  instanceStatus?: string;
  currentAction: CurrentAction;
  /** The intended version, not necessarily what runs; empty template while DELETING or ABANDONING. */
  version?: ManagerVersion;
  lastAttempt?: { errors?: { errors: { code: string; message: string; location?: string }[] } };
  instanceHealth?: {
    healthCheck: string;
    detailedHealthState: "HEALTHY" | "UNHEALTHY" | "TIMEOUT" | "UNKNOWN" | "DRAINING";
  }[];
}

export interface ManagerError {
  error: { code: string; message: string };
  instanceActionDetails?: { action?: CurrentAction; instance?: string; version?: ManagerVersion };
  timestamp: string;
}

export interface Operation {
  kind: "compute#operation";
  id: string;
  name: string;
  operationType: string;
  targetLink: string;
  targetId?: string;
  status: "PENDING" | "RUNNING" | "DONE";
  user?: string;
  progress: number;
  insertTime: string;
  startTime?: string;
  endTime?: string;
  zone?: string;
  region?: string;
  clientOperationId?: string;
  statusMessage?: string;
  error?: { errors: { code: string; message: string; location?: string }[] };
  httpErrorStatusCode?: number;
  httpErrorMessage?: string;
  selfLink: string;
}

export interface Instance {
  kind?: "compute#instance";
  id: string;
  name: string;
  creationTimestamp: string;
  status: "PROVISIONING" | "STAGING" | "RUNNING" | "STOPPING" | "TERMINATED" | "SUSPENDED";
  zone: string;
  machineType: string;
  metadata: MetadataItems;
  tags?: { items?: string[]; fingerprint?: string };
  labels?: Record<string, string>;
  labelFingerprint?: string;
  networkInterfaces: { name: string; network?: string; networkIP?: string; [other: string]: unknown }[];
  disks: AttachedDisk[];
  serviceAccounts?: { email: string; scopes: string[] }[];
  selfLink: string;
  [other: string]: unknown;
}

/** Compute's error body. */
export interface ComputeErrorBody {
  error: {
    code: number;
    message: string;
    errors?: { domain?: string; reason?: string; message?: string; location?: string; locationType?: string }[];
    status?: string;
  };
}
