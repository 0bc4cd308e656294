import type { Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";

export interface StorageService extends Service {
  read(bucket: string, name: string): Buffer | undefined;
}

export function createStorage(_world: World): StorageService {
  return {
    name: "storage",
    errors: "legacy",
    routes: [],
    prefixes: /^\/((upload|download|resumable\/upload|batch)\/)?storage\/v1/,
    nameUnknown: (method, path) => `storage ${method} ${path}`,
    read: () => undefined,
  };
}
