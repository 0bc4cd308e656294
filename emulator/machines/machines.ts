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
  /** When the instance was made, ms since the epoch; its first start when left out. */
  createdAt?: number;
  /** Attached beside the boot disk, by device name; none when left out. */
  disks?: { device: string; sizeGb: number }[];
}

export interface MachineEvents {
  /** Text for the serial console, as it comes. */
  serial(text: string): void;
}

export interface HealthProbe {
  type: "HTTP" | "TCP";
  port: number;
  requestPath: string;
  timeoutMs: number;
}

export type ProbeResult = "HEALTHY" | "UNHEALTHY" | "TIMEOUT";

export interface Machines {
  readonly kind: "process" | "virtual";
  /** Keeps the bytes of an image (a `tar.gz` of a root file system) and returns their digest. */
  addContent(tarball: Buffer): string;
  /** Powers a machine on. A machine whose root exists already is rebooted with it. */
  start(spec: MachineSpec, events: MachineEvents): Promise<void>;
  /** Asks the guest to shut down (SIGTERM to its units), waits up to `graceMs`, then cuts the power. */
  stop(id: string, graceMs: number): Promise<void>;
  /** Deletes the boot disk of a stopped machine. */
  remove(id: string): Promise<void>;
  probe(id: string, probe: HealthProbe): Promise<ProbeResult>;
  /** Stops everything at once. */
  close(): Promise<void>;
}
