import type { Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";

export function createScheduler(_world: World): Service {
  return {
    name: "cloudscheduler",
    errors: "modern",
    routes: [],
    prefixes: /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/jobs/,
    nameUnknown: (method, path) => `cloudscheduler ${method} ${path}`,
  };
}
