import type { Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";

/** The metadata server on the emulator's own port, for programs that run in the project but not on an instance. */
export function createMetadata(_world: World): Service {
  return {
    name: "metadata",
    errors: "legacy",
    routes: [],
    prefixes: /^\/computeMetadata\//,
    nameUnknown: (method, path) => `metadata ${method} ${path}`,
  };
}
