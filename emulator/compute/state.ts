import { addressPath, type StoredAddress } from "./addresses/model.ts";
import { autoscalerPath, type Load, type StoredAutoscaler } from "./autoscalers/model.ts";
import { type StoredBackendService, servicePath } from "./backends/model.ts";
import { DEFAULT_BEHAVIOURS } from "./behaviours.ts";
import type { Cloud, StoredProject } from "./cloud.ts";
import { type StoredDisk, storedDiskPath } from "./disks/model.ts";
import type { Member, StoredGroup } from "./groups/model.ts";
import { groupPath } from "./groups/model.ts";
import type { StoredConfig } from "./groups/stateful.ts";
import { healthCheckPath, type StoredHealthCheck } from "./healthchecks/model.ts";
import { imagePath, type StoredImage } from "./images/model.ts";
import type { Lifecycle } from "./instances/lifecycle.ts";
import { instancePath, type StoredInstance } from "./instances/model.ts";
import { GLOBAL, pathOf } from "./names.ts";
import type { Operations } from "./operations.ts";
import { type StoredSnapshot, snapshotPath } from "./snapshots/model.ts";
import type { StoredTemplate } from "./templates.ts";
import { DEFAULT_TIMINGS } from "./timings.ts";

type SavedGroup = Omit<StoredGroup, "members" | "configs"> & { members: Member[]; configs: StoredConfig[] };

interface Saved {
  images: StoredImage[];
  templates: StoredTemplate[];
  instances: StoredInstance[];
  groups: SavedGroup[];
  healthChecks: StoredHealthCheck[];
  backendServices?: StoredBackendService[];
  projects: StoredProject[];
  autoscalers: StoredAutoscaler[];
  loads: [string, Load][];
  disks: StoredDisk[];
  addresses?: StoredAddress[];
  snapshots?: StoredSnapshot[];
  operations: Parameters<Operations["load"]>[0];
  lives: Parameters<Lifecycle["load"]>[0];
  timings: Cloud["timings"];
  behaviours: Cloud["behaviours"];
  limits: Cloud["limits"];
}

export function saveCloud(cloud: Cloud, lifecycle: Lifecycle): unknown {
  return {
    images: [...cloud.images.values()],
    templates: [...cloud.templates.values()],
    instances: [...cloud.instances.values()],
    groups: [...cloud.groups.values()].map((group) => ({
      ...group,
      members: [...group.members.values()],
      configs: [...group.configs.values()],
    })),
    healthChecks: [...cloud.healthChecks.values()],
    backendServices: [...cloud.backendServices.values()],
    projects: [...cloud.projects.values()],
    autoscalers: [...cloud.autoscalers.values()],
    loads: [...cloud.loads],
    disks: [...cloud.disks.values()],
    addresses: [...cloud.addresses.values()],
    snapshots: [...cloud.snapshots.values()],
    operations: cloud.operations.save(),
    lives: lifecycle.save(),
    timings: cloud.timings,
    behaviours: cloud.behaviours,
    limits: cloud.limits,
  };
}

/** Restores what was saved. What was under way when the emulator stopped is brought to an end. */
export function loadCloud(cloud: Cloud, lifecycle: Lifecycle, state: unknown): void {
  const saved = state as Saved;
  Object.assign(cloud, {
    timings: { ...DEFAULT_TIMINGS, ...saved.timings },
    behaviours: { ...DEFAULT_BEHAVIOURS, ...saved.behaviours },
    limits: saved.limits,
  });
  for (const image of saved.images) {
    // Its bytes were not read yet, and nobody will come back to read them.
    if (image.status === "PENDING") image.status = image.rawDisk ? "FAILED" : "READY";
    if (image.status !== "DELETING") cloud.images.set(imagePath(image), image);
  }
  for (const template of saved.templates)
    cloud.templates.set(pathOf({ ...template, collection: "instanceTemplates" }), template);
  for (const instance of saved.instances) cloud.instances.set(instancePath(instance), instance);
  for (const group of saved.groups)
    cloud.groups.set(groupPath(group), {
      ...group,
      members: new Map(group.members.map((m) => [m.name, m])),
      configs: new Map(group.configs.map((c) => [c.name, c])),
    });
  for (const one of saved.healthChecks) {
    // Once all of them were global.
    const check = { ...one, scope: one.scope ?? GLOBAL };
    cloud.healthChecks.set(healthCheckPath(check), check);
  }
  for (const service of saved.backendServices ?? []) cloud.backendServices.set(servicePath(service), service);
  for (const project of saved.projects) cloud.projects.set(project.id, project);
  for (const autoscaler of saved.autoscalers) cloud.autoscalers.set(autoscalerPath(autoscaler), autoscaler);
  for (const [group, load] of saved.loads) cloud.loads.set(group, load);
  for (const disk of saved.disks) cloud.disks.set(storedDiskPath(disk), disk);
  for (const snapshot of saved.snapshots ?? []) {
    // Nobody will come back to copy the rest.
    if (snapshot.status === "CREATING") snapshot.status = cloud.machines.disks ? "FAILED" : "READY";
    cloud.snapshots.set(snapshotPath(snapshot), snapshot);
  }
  for (const address of saved.addresses ?? []) cloud.addresses.set(addressPath(address), address);
  cloud.operations.load(saved.operations);
  for (const operation of cloud.operations.all.values())
    if (operation.status !== "DONE") cloud.operations.end(operation);
  lifecycle.load(saved.lives);
}
