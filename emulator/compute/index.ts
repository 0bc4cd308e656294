import { Router, type Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import type { Machines } from "../machines/machines.ts";
import { batchRoute } from "./batch.ts";
import { Cloud } from "./cloud.ts";
import { controlRoutes } from "./controls.ts";
import { geographyRoutes } from "./geography.ts";
import { actionRoutes } from "./groups/actions.ts";
import { Engine } from "./groups/engine.ts";
import { REGIONAL, ZONAL } from "./groups/kinds.ts";
import { aggregatedInstanceGroups, autoscalerRoutes, instanceGroupRoutes } from "./groups/plain.ts";
import { aggregatedGroups, groupRoutes } from "./groups/routes.ts";
import { healthCheckRoutes } from "./healthchecks.ts";
import { seedPublicImages } from "./images/public.ts";
import { imageRoutes } from "./images/routes.ts";
import { guestRoutes } from "./instances/guest.ts";
import { Lifecycle } from "./instances/lifecycle.ts";
import { instanceRoutes } from "./instances/routes.ts";
import { operationRoutes } from "./operationroutes.ts";
import { projectRoutes } from "./projects.ts";
import { loadCloud, saveCloud } from "./state.ts";
import { templateRoutes } from "./templates.ts";

export type ComputeService = Service;

/** Compute Engine v1: images, templates, groups with their updater, instances, health checks, operations. */
export function createCompute(world: World, machines: Machines): ComputeService {
  const cloud = new Cloud(world, machines);
  const lifecycle = new Lifecycle(cloud);
  const engine = new Engine(cloud, lifecycle);
  seedPublicImages(cloud);
  const router = new Router();
  const service: ComputeService = {
    name: "compute",
    errors: "legacy",
    routes: [
      ...imageRoutes(cloud),
      ...templateRoutes(cloud),
      ...[ZONAL, REGIONAL].flatMap((kind) => [
        ...groupRoutes(cloud, engine, kind),
        ...actionRoutes(cloud, engine, kind),
        ...instanceGroupRoutes(cloud, kind),
      ]),
      aggregatedGroups(cloud),
      aggregatedInstanceGroups(cloud),
      ...autoscalerRoutes(cloud),
      ...instanceRoutes(cloud, lifecycle),
      ...guestRoutes(cloud, lifecycle),
      ...healthCheckRoutes(cloud),
      ...operationRoutes(cloud),
      ...geographyRoutes(cloud),
      ...projectRoutes(cloud),
      ...controlRoutes(cloud),
      batchRoute(() => router),
    ],
    prefixes: /^\/(compute|batch\/compute)\//,
    nameUnknown,
    save: () => saveCloud(cloud, lifecycle),
    load: (state) => {
      loadCloud(cloud, lifecycle, state);
      engine.resume();
    },
    close: () => {
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
