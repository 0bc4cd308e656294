import type { World } from "../frame/world.ts";
import type { HostView } from "../machines/machines.ts";
import { array, type Directory, directory, endpoint, leaf, lines, number, opaque } from "./entries.ts";

/** What the metadata server must know of an instance; a machine's spec has it. */
export interface InstanceView {
  /** Decimal text, beyond 2^53. */
  id: string;
  name: string;
  zone: string;
  hostname: string;
  machineType: string;
  tags: string[];
  ip: string;
  image: string;
  serviceAccount?: { email: string; scopes: string[] };
  attributes(): Record<string, string>;
  projectAttributes(): Record<string, string>;
  /** `namespace/key` → value. */
  guestAttributes: Map<string, string>;
  /** Of its access configurations; empty text where one has no address at the moment. None when left out. */
  externalIps?(): string[];
  /** Short name. Where functions run there is one; Compute's instances have only a zone. */
  region?: string;
  /** ms since the epoch. */
  createdAt?: number;
  host?(): HostView;
}

/** A machine that nothing happens to. */
const QUIET: HostView = {
  maintenanceEvent: "NONE",
  preempted: false,
  automaticRestart: true,
  onHostMaintenance: "MIGRATE",
  preemptible: false,
};

const flag = (value: boolean) => leaf(value ? "TRUE" : "FALSE");

/** Everything under `/computeMetadata/v1/`, built anew for each request because attributes change under it. */
export function metadataTree(world: Pick<World, "project" | "projectNumber">, view: InstanceView): Directory {
  const project = `projects/${world.projectNumber}`;
  const host = view.host?.() ?? QUIET;
  return directory({
    instance: directory({
      attributes: texts(view.attributes()),
      cpuPlatform: leaf("Intel Broadwell"),
      description: leaf(""),
      disks: array([
        directory({
          deviceName: leaf("persistent-disk-0"),
          index: number(0),
          interface: leaf("SCSI"),
          mode: leaf("READ_WRITE"),
          type: leaf("PERSISTENT-BALANCED"),
        }),
      ]),
      guestAttributes: guestAttributes(view.guestAttributes),
      hostname: leaf(view.hostname),
      id: number(view.id),
      image: leaf(view.image),
      licenses: array([]),
      machineType: leaf(`${project}/machineTypes/${lastSegment(view.machineType)}`),
      maintenanceEvent: leaf(host.maintenanceEvent),
      name: leaf(view.name),
      networkInterfaces: array([networkInterface(project, view.ip, view.externalIps?.() ?? [])]),
      partnerAttributes: directory({}),
      preempted: flag(host.preempted),
      ...(view.region !== undefined && { region: leaf(`${project}/regions/${view.region}`) }),
      remainingCpuTime: number(-1),
      scheduling: directory({
        automaticRestart: flag(host.automaticRestart),
        onHostMaintenance: leaf(host.onHostMaintenance),
        preemptible: flag(host.preemptible),
      }),
      serviceAccounts: serviceAccounts(view.serviceAccount),
      shutdownDetails: directory({ StopState: leaf("UNKNOWN"), TargetState: leaf("UNKNOWN") }),
      tags: lines(view.tags, "json"),
      ...(host.upcoming && { upcomingMaintenance: upcoming(host.upcoming) }),
      virtualClock: directory({ driftToken: leaf("0") }),
      zone: leaf(`${project}/zones/${lastSegment(view.zone)}`),
    }),
    oslogin: directory({ authenticate: directory({ sessions: directory({}) }) }),
    project: directory({
      attributes: texts(view.projectAttributes()),
      numericProjectId: number(world.projectNumber),
      projectId: leaf(world.project),
    }),
    universe: directory({ universeDomain: leaf("googleapis.com") }),
  });
}

function upcoming(announced: NonNullable<HostView["upcoming"]>): Directory {
  const entries = Object.entries(announced).map(
    ([name, value]) => [name, typeof value === "boolean" ? flag(value) : leaf(value)] as const,
  );
  return directory(Object.fromEntries(entries));
}

function lastSegment(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

function texts(values: Record<string, string>): Directory {
  return opaque(Object.entries(values).map(([name, value]) => [name, leaf(value)]));
}

function guestAttributes(values: Map<string, string>): Directory {
  const spaces = new Map<string, Directory>();
  for (const [path, value] of values) {
    const cut = path.indexOf("/");
    const space = path.slice(0, cut);
    const inside = spaces.get(space) ?? opaque([]);
    inside.entries.set(path.slice(cut + 1), leaf(value));
    spaces.set(space, inside);
  }
  return opaque(spaces);
}

function networkInterface(project: string, ip: string, external: string[]): Directory {
  const bytes = ip.split(".").map(Number);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
  return directory({
    accessConfigs: array(
      external.map((externalIp) => directory({ externalIp: leaf(externalIp), type: leaf("ONE_TO_ONE_NAT") })),
    ),
    dnsServers: lines(["169.254.169.254"]),
    forwardedIps: array([]),
    gateway: leaf([...bytes.slice(0, 3), 1].join(".")),
    ip: leaf(ip),
    ipAliases: array([]),
    // Google's machines carry their IPv4 address in their MAC address.
    mac: leaf(`42:01:${hex}`),
    mtu: number(1460),
    network: leaf(`${project}/networks/default`),
    subnetmask: leaf("255.255.240.0"),
    targetInstanceIps: array([]),
  });
}

function serviceAccounts(account: InstanceView["serviceAccount"]): Directory {
  if (!account) return opaque([]);
  const entry = () =>
    directory({
      aliases: lines(["default"]),
      email: leaf(account.email),
      identity: endpoint("identity"),
      scopes: lines(account.scopes),
      token: endpoint("token"),
    });
  return opaque([
    ["default", entry()],
    [account.email, entry()],
  ]);
}
