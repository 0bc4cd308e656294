import type { Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import type { Machines } from "../machines/machines.ts";

export type ComputeService = Service;

export function createCompute(_world: World, _machines: Machines): ComputeService {
  return {
    name: "compute",
    errors: "legacy",
    routes: [],
    prefixes: /^\/(compute|batch\/compute)\//,
    nameUnknown: (method, path) => `compute ${method} ${path}`,
  };
}
