import type { Service } from "../frame/router.ts";
import type { Doors, World } from "../frame/world.ts";

export interface LoggingService extends Service {
  write: Doors["log"];
}

export function createLogging(_world: World): LoggingService {
  return {
    name: "logging",
    errors: "modern",
    routes: [],
    prefixes: /^\/v2\/(entries|projects\/[^/]+\/(sinks|logs))/,
    nameUnknown: (method, path) => `logging ${method} ${path}`,
    write: () => {},
  };
}
