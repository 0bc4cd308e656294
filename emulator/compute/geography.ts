import type { Route } from "../frame/router.ts";
import type { Cloud } from "./cloud.ts";
import { errors } from "./errors.ts";
import { AGGREGATED_QUERY, aggregated, LIST_QUERY, list } from "./listing.ts";
import { projectOf, read } from "./method.ts";
import { link, regionOf, type Scope } from "./names.ts";

export const ZONES = [
  ...["us-central1-a", "us-central1-b", "us-central1-c", "us-central1-f"],
  ...["europe-west4-a", "europe-west4-b", "europe-west4-c"],
];
export const REGIONS = [...new Set(ZONES.map(regionOf))];
export const ZONE_SCOPES: Scope[] = ZONES.map((name) => ({ kind: "zone", name }));
export const REGION_SCOPES: Scope[] = REGIONS.map((name) => ({ kind: "region", name }));

/** Virtual CPUs of a series' sizes, and memory in MB for each of them by kind. https://cloud.google.com/compute/docs/machine-resource */
const SERIES: [series: string, cpus: number[], memoryMb: Record<string, number>][] = [
  ["e2", [2, 4, 8, 16, 32], { standard: 4096, highmem: 8192, highcpu: 1024 }],
  ["n1", [1, 2, 4, 8, 16, 32, 64, 96], { standard: 3840, highmem: 6656, highcpu: 921.6 }],
  ["n2", [2, 4, 8, 16, 32, 48, 64, 80, 96, 128], { standard: 4096, highmem: 8192, highcpu: 1024 }],
  ["n2d", [2, 4, 8, 16, 32, 48, 64, 80, 96, 128, 224], { standard: 4096, highmem: 8192, highcpu: 1024 }],
  ["n4", [2, 4, 8, 16, 32, 48, 64, 80], { standard: 4096, highmem: 8192, highcpu: 2048 }],
  ["c2", [4, 8, 16, 30, 60], { standard: 4096 }],
  ["c2d", [2, 4, 8, 16, 32, 56, 112], { standard: 4096, highmem: 8192, highcpu: 2048 }],
  ["c3", [4, 8, 22, 44, 88, 176], { standard: 4096, highmem: 8192, highcpu: 2048 }],
  ["c3d", [4, 8, 16, 30, 60, 90, 180, 360], { standard: 4096, highmem: 8192, highcpu: 2048 }],
  ["t2a", [1, 2, 4, 8, 16, 32, 48], { standard: 4096 }],
  ["t2d", [1, 2, 4, 8, 16, 32, 48, 60], { standard: 4096 }],
];

/** Type → virtual CPUs and memory in MB. */
const MACHINE_TYPES: Record<string, [cpus: number, memoryMb: number]> = {
  "e2-micro": [2, 1024],
  "e2-small": [2, 2048],
  "e2-medium": [2, 4096],
  "f1-micro": [1, 614],
  "g1-small": [1, 1740],
  ...Object.fromEntries(
    SERIES.flatMap(([series, sizes, kinds]) =>
      Object.entries(kinds).flatMap(([kind, each]) =>
        sizes.map((cpus) => [`${series}-${kind}-${cpus}`, [cpus, Math.round(cpus * each)]] as const),
      ),
    ),
  ),
};

/** Virtual CPUs and memory of a type that there is, a custom one (`n2-custom-4-8192`) included. */
export function machineSize(name: string): [cpus: number, memoryMb: number] | undefined {
  if (Object.hasOwn(MACHINE_TYPES, name)) return MACHINE_TYPES[name];
  const [, cpus, memory] =
    /^(?:[a-z]\d[a-z]?-)?custom-(?:micro-|small-|medium-)?(\d+)-(\d+)(?:-ext)?$/.exec(name) ?? [];
  return cpus === undefined ? undefined : [Number(cpus), Number(memory)];
}

const EPOCH = "1969-12-31T16:00:00.000-08:00";

/** Stable numbers for things that exist everywhere and were never made. */
const fixedId = (index: number) => String(2000 + index);

export function checkZone(project: string, zone: string): void {
  if (!ZONES.includes(zone)) throw errors.notFound(`projects/${project}/zones/${zone}`);
}

export function checkRegion(project: string, region: string): void {
  if (!REGIONS.includes(region)) throw errors.notFound(`projects/${project}/regions/${region}`);
}

export function checkScope(project: string, scope: Scope): void {
  if (scope.kind === "zone") checkZone(project, scope.name);
  if (scope.kind === "region") checkRegion(project, scope.name);
}

function zone(origin: string, project: string, name: string): Record<string, unknown> {
  return {
    kind: "compute#zone",
    id: fixedId(ZONES.indexOf(name)),
    creationTimestamp: EPOCH,
    name,
    description: name,
    status: "UP",
    region: link(origin, `projects/${project}/regions/${regionOf(name)}`),
    selfLink: link(origin, `projects/${project}/zones/${name}`),
    availableCpuPlatforms: ["Intel Broadwell", "Intel Skylake", "AMD Rome"],
    supportsPzs: false,
  };
}

function region(origin: string, project: string, name: string): Record<string, unknown> {
  return {
    kind: "compute#region",
    id: fixedId(100 + REGIONS.indexOf(name)),
    creationTimestamp: EPOCH,
    name,
    description: name,
    status: "UP",
    zones: ZONES.filter((z) => regionOf(z) === name).map((z) => link(origin, `projects/${project}/zones/${z}`)),
    quotas: [],
    selfLink: link(origin, `projects/${project}/regions/${name}`),
  };
}

function machineType(origin: string, project: string, zoneName: string, name: string): Record<string, unknown> {
  const [guestCpus, memoryMb] = machineSize(name) ?? [0, 0];
  return {
    kind: "compute#machineType",
    id: fixedId(200 + Object.keys(MACHINE_TYPES).indexOf(name)),
    creationTimestamp: EPOCH,
    name,
    description: `${guestCpus} vCPUs, ${memoryMb} MB RAM`,
    guestCpus,
    memoryMb,
    imageSpaceGb: 0,
    maximumPersistentDisks: 128,
    maximumPersistentDisksSizeGb: "263168",
    zone: zoneName,
    isSharedCpu: /micro|small|medium/.test(name),
    architecture: "X86_64",
    selfLink: link(origin, `projects/${project}/zones/${zoneName}/machineTypes/${name}`),
  };
}

export function geographyRoutes(cloud: Cloud): Route[] {
  const base = "/compute/v1/projects/{project}";
  const resource = (call: Parameters<typeof projectOf>[1]) => `projects/${projectOf(cloud, call)}`;
  const one = <T>(value: T | undefined, path: string): T => {
    if (value === undefined) throw errors.notFound(path);
    return value;
  };
  const listed = (names: string[], render: (name: string) => Record<string, unknown>) =>
    names.map((name) => ({ name, created: 0, json: render(name) }));
  const types = Object.keys(MACHINE_TYPES);
  return [
    read(cloud, {
      id: "compute.zones.list",
      path: `${base}/zones`,
      permission: "compute.zones.list",
      query: LIST_QUERY,
      resource,
      run: (call) =>
        list(
          call,
          "compute#zoneList",
          `${resource(call)}/zones`,
          listed(ZONES, (n) => zone(call.origin, projectOf(cloud, call), n)),
        ),
    }),
    read(cloud, {
      id: "compute.zones.get",
      path: `${base}/zones/{zone}`,
      permission: "compute.zones.get",
      resource,
      run: (call) => {
        const name = call.params.zone ?? "";
        checkZone(projectOf(cloud, call), name);
        return zone(call.origin, projectOf(cloud, call), name);
      },
    }),
    read(cloud, {
      id: "compute.regions.list",
      path: `${base}/regions`,
      permission: "compute.regions.list",
      query: LIST_QUERY,
      resource,
      run: (call) =>
        list(
          call,
          "compute#regionList",
          `${resource(call)}/regions`,
          listed(REGIONS, (n) => region(call.origin, projectOf(cloud, call), n)),
        ),
    }),
    read(cloud, {
      id: "compute.regions.get",
      path: `${base}/regions/{region}`,
      permission: "compute.regions.get",
      resource,
      run: (call) => {
        const name = call.params.region ?? "";
        checkRegion(projectOf(cloud, call), name);
        return region(call.origin, projectOf(cloud, call), name);
      },
    }),
    read(cloud, {
      id: "compute.machineTypes.list",
      path: `${base}/zones/{zone}/machineTypes`,
      permission: "compute.machineTypes.list",
      query: LIST_QUERY,
      resource,
      run: (call) => {
        const zoneName = call.params.zone ?? "";
        const project = projectOf(cloud, call);
        checkZone(project, zoneName);
        const path = `${resource(call)}/zones/${zoneName}/machineTypes`;
        return list(
          call,
          "compute#machineTypeList",
          path,
          listed(types, (n) => machineType(call.origin, project, zoneName, n)),
        );
      },
    }),
    read(cloud, {
      id: "compute.machineTypes.aggregatedList",
      path: `${base}/aggregated/machineTypes`,
      permission: "compute.machineTypes.list",
      query: AGGREGATED_QUERY,
      resource,
      run: (call) => {
        const project = projectOf(cloud, call);
        const all = ZONE_SCOPES.flatMap((scope) =>
          scope.kind === "zone"
            ? listed(types, (n) => machineType(call.origin, project, scope.name, n)).map((item) => ({ ...item, scope }))
            : [],
        );
        return aggregated(call, {
          kind: "compute#machineTypeAggregatedList",
          project,
          collection: "machineTypes",
          scopes: ZONE_SCOPES,
          all,
        });
      },
    }),
    read(cloud, {
      id: "compute.machineTypes.get",
      path: `${base}/zones/{zone}/machineTypes/{machineType}`,
      permission: "compute.machineTypes.get",
      resource,
      run: (call) => {
        const project = projectOf(cloud, call);
        const { zone: zoneName = "", machineType: name = "" } = call.params;
        checkZone(project, zoneName);
        one(machineSize(name), `projects/${project}/zones/${zoneName}/machineTypes/${name}`);
        return machineType(call.origin, project, zoneName, name);
      },
    }),
  ];
}
