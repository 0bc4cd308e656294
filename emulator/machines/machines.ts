/**
 * What runs behind an instance resource. Compute decides when a machine starts and stops and asks whether it is healthy;
 * it does not know whether the machine is a real process (`process.ts`) or only a name (`virtual.ts`).
 */
export interface MachineSpec {
  /** Decimal text, beyond 2^53. */
  id: string;
  name: string;
  /** Short name, e.g. `us-central1-a`. */
  zone: string;
  hostname: string;
  machineType: string;
  tags: string[];
  /** The machine's own loopback address; its network address. */
  ip: string;
  /** `projects/P/global/images/I` of the boot disk. */
  image: string;
  /** Digest from `addContent`; absent when the image holds nothing this emulator can boot. */
  content?: string;
  serviceAccount?: { email: string; scopes: string[] };
  /** Instance and project metadata as they are now. */
  attributes(): Record<string, string>;
  projectAttributes(): Record<string, string>;
  /** `namespace/key` → value; kept by Compute, written through the metadata server. */
  guestAttributes: Map<string, string>;
  /** What its access configurations give it; empty text where that is none at the moment. */
  externalIps?(): string[];
  /** When the instance was made, ms since the epoch; its first start when left out. */
  createdAt?: number;
  /** Attached beside the boot disk, by device name; none when left out. `id` is of those that may outlive the machine. */
  disks?: { device: string; sizeGb: number; id?: string }[];
  /** Id of a boot disk that another machine may have had before. */
  bootDisk?: string;
  /** What the machine is told of its host as it is now; one that nothing happens to when left out. */
  host?(): HostView;
}

/** What the metadata server says of the host: how the machine is scheduled and what is about to happen to it. */
export interface HostView {
  maintenanceEvent: "NONE" | "MIGRATE_ON_HOST_MAINTENANCE" | "TERMINATE_ON_HOST_MAINTENANCE";
  preempted: boolean;
  automaticRestart: boolean;
  onHostMaintenance: "MIGRATE" | "TERMINATE";
  preemptible: boolean;
  /** Maintenance that was announced: names and texts as the guest reads them. */
  upcoming?: Record<string, string | boolean>;
}

/** A disk that outlives its machine. */
export interface KeptDisk {
  id: string;
  device: string;
  boot: boolean;
}

/** What is on disks, apart from machines. Virtual machines' disks hold nothing, so that there is nothing to do. */
export interface MachineDisks {
  /** To a machine that runs. */
  attach(machine: string, disk: { device: string; sizeGb: number; id: string }): void;
  detach(machine: string, disk: { device: string; id: string }): void;
  /** The end of a disk that no machine has. */
  delete(id: string): Promise<void>;
  /** What a disk holds now, to a new one. */
  copy(from: DiskAt, to: string): Promise<void>;
}

/** A disk and where it is attached, if it is. */
export interface DiskAt {
  id: string;
  machine?: string;
  device?: string;
  boot?: boolean;
}

export interface MachineEvents {
  /** Text for the serial console, as it comes. */
  serial(text: string): void;
}

export type ProbeType = "HTTP" | "HTTPS" | "HTTP2" | "TCP" | "SSL" | "GRPC" | "GRPC_WITH_TLS";

export interface HealthProbe {
  type: ProbeType;
  port: number;
  requestPath: string;
  timeoutMs: number;
  /** Of the Host header; the machine's address when left out. */
  host?: string;
  /** What TCP and SSL send once connected. */
  request?: string;
  /** What must come back: within the first 1024 bytes of an HTTP body, or as the answer of TCP and SSL. */
  response?: string;
  /** Says first, in the PROXY protocol's words, that nobody knows whose connection it is. */
  proxyHeader?: boolean;
  /** Asked about by GRPC; all of the server when left out. */
  grpcService?: string;
  /** Name of the health check. */
  check?: string;
}

export type ProbeResult = "HEALTHY" | "UNHEALTHY" | "TIMEOUT";

export interface Machines {
  readonly kind: "process" | "virtual";
  /** Keeps the bytes of an image (a `tar.gz` of a root file system) and returns their digest. */
  addContent(tarball: Buffer): string;
  /** Powers a machine on. A machine whose root exists already is rebooted with it. */
  start(spec: MachineSpec, events: MachineEvents): Promise<void>;
  /** Holds everything on a machine still, with its memory. */
  pause(id: string): Promise<void>;
  /** Lets a machine that was paused go on. Rejects when its memory is gone. */
  resume(id: string): Promise<void>;
  /** Asks the guest to shut down (SIGTERM to its units), waits up to `graceMs`, then cuts the power. */
  stop(id: string, graceMs: number): Promise<void>;
  /** Deletes a stopped machine with its disks, but for those `kept`: they are for the next machine that attaches them. */
  remove(id: string, kept?: readonly KeptDisk[]): Promise<void>;
  /** Nothing where disks hold nothing. */
  disks?: MachineDisks;
  probe(id: string, probe: HealthProbe): Promise<ProbeResult>;
  /** Stops everything at once. */
  close(): Promise<void>;
}
