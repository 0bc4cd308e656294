import { aroundCalls } from "../frame/faults/calls.ts";
import { Router, type Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import type { Machines } from "../machines/machines.ts";
import { addressRoutes } from "./addresses/routes.ts";
import { loadRoutes } from "./autoscalers/load.ts";
import { aggregatedAutoscalers, autoscalerRoutes } from "./autoscalers/routes.ts";
import { Scaler } from "./autoscalers/scaler.ts";
import { servingRoute } from "./backends/health.ts";
import { BackendProber } from "./backends/prober.ts";
import { backendServiceRoutes } from "./backends/routes.ts";
import { healthCheckHooks } from "./backends/users.ts";
import { computeBatch } from "./batch.ts";
import { Cloud } from "./cloud.ts";
import { controlRoutes } from "./controls.ts";
import { diskRoutes } from "./disks/routes.ts";
import { geographyRoutes } from "./geography.ts";
import { actionRoutes } from "./groups/actions.ts";
import { Engine } from "./groups/engine.ts";
import { REGIONAL, ZONAL } from "./groups/kinds.ts";
import { configRoutes } from "./groups/perinstance.ts";
import { aggregatedInstanceGroups, instanceGroupRoutes } from "./groups/plain.ts";
import { aggregatedGroups, groupRoutes } from "./groups/routes.ts";
import { healthCheckRoutes } from "./healthchecks/routes.ts";
import { imagePolicyRoutes } from "./images/policies.ts";
import { seedPublicImages } from "./images/public.ts";
import { imageRoutes } from "./images/routes.ts";
import { guestRoutes } from "./instances/guest.ts";
import { HostEvents } from "./instances/hostevents.ts";
import { hostRoutes } from "./instances/hostroutes.ts";
import { Lifecycle } from "./instances/lifecycle.ts";
import { instanceRoutes } from "./instances/routes.ts";
import { instanceSettingRoutes } from "./instances/settings.ts";
import { networkRoutes } from "./networks.ts";
import { operationRoutes } from "./operationroutes.ts";
import { projectRoutes } from "./projects.ts";
import { snapshotRoutes } from "./snapshots/routes.ts";
import { loadCloud, saveCloud } from "./state.ts";
import { templateRoutes } from "./templates.ts";

export interface ComputeService extends Service {
  /** For the emulator's own page, which only reads it. */
  cloud: Cloud;
}

/** Compute Engine v1: images, templates, groups with their updater, instances, health checks, operations. */
export function createCompute(world: World, machines: Machines): ComputeService {
  const cloud = new Cloud(world, machines);
  const lifecycle = new Lifecycle(cloud);
  const engine = new Engine(cloud, lifecycle);
  const scaler = new Scaler(cloud, engine);
  const backendProber = new BackendProber(cloud);
  const hostEvents = new HostEvents(cloud, lifecycle);
  seedPublicImages(cloud);
  const router = new Router(aroundCalls(world));
  const service: ComputeService = {
    name: "compute",
    cloud,
    errors: "legacy",
    routes: [
      ...imageRoutes(cloud),
      ...imagePolicyRoutes(cloud),
      ...templateRoutes(cloud),
      ...[ZONAL, REGIONAL].flatMap((kind) => [
        ...groupRoutes(cloud, engine, kind),
        ...actionRoutes(cloud, engine, kind),
        ...configRoutes(cloud, engine, kind),
        ...instanceGroupRoutes(cloud, kind),
        ...autoscalerRoutes(cloud, scaler, kind.where),
      ]),
      aggregatedGroups(cloud),
      aggregatedInstanceGroups(cloud),
      aggregatedAutoscalers(cloud),
      ...loadRoutes(cloud),
      ...instanceRoutes(cloud, lifecycle),
      ...instanceSettingRoutes(cloud),
      ...hostRoutes(cloud, lifecycle, hostEvents),
      ...guestRoutes(cloud, lifecycle),
      ...diskRoutes(cloud),
      ...snapshotRoutes(cloud),
      ...addressRoutes(cloud, lifecycle.reservations),
      ...healthCheckRoutes(cloud, healthCheckHooks(cloud, engine, backendProber)),
      ...backendServiceRoutes(cloud, backendProber),
      servingRoute(cloud),
      ...operationRoutes(cloud),
      ...geographyRoutes(cloud),
      ...networkRoutes(cloud),
      ...projectRoutes(cloud),
      ...controlRoutes(cloud),
      computeBatch(() => router),
    ],
    prefixes: /^\/(compute|batch\/compute)\//,
    nameUnknown,
    save: () => saveCloud(cloud, lifecycle),
    load: (state) => {
      loadCloud(cloud, lifecycle, state);
      engine.resume();
      hostEvents.resume();
      backendProber.resume();
      scaler.resume();
    },
    close: () => {
      scaler.close();
      backendProber.close();
      engine.close();
      lifecycle.close();
    },
  };
  router.add(service);
  return service;
}

const VERBS: Record<string, [one: string, all: string]> = {
  GET: ["get", "list"],
  POST: ["", "insert"],
  PUT: ["update", "update"],
  PATCH: ["patch", "patch"],
  DELETE: ["delete", "delete"],
};

/** `POST /compute/v1/projects/p/global/firewalls` → `compute.firewalls.insert`: as the discovery document would name it. */
function nameUnknown(method: string, path: string): string {
  const found = /^\/compute\/[^/]+\/projects\/[^/]+\/(global|aggregated|zones\/[^/]+|regions\/[^/]+)\/(.+)$/.exec(path);
  if (!found) return `compute ${method} ${path}`;
  const [, where = "", rest = ""] = found;
  const [collection = "", name, verb] = rest.split("/");
  const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
  const regional =
    where.startsWith("regions/") && !["addresses", "forwardingRules", "subnetworks"].includes(collection);
  const service = regional ? `region${capital(collection)}` : collection;
  if (where === "aggregated") return `compute.${service}.aggregatedList`;
  const [one, all] = VERBS[method] ?? ["", ""];
  return `compute.${service}.${verb ?? (name === undefined ? all : one || name)}`;
}
