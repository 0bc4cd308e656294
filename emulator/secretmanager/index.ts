import type { GrpcService } from "../frame/grpc.ts";
import type { Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";

export interface SecretManagerService extends Service {
  grpc(): GrpcService;
}

export function createSecretManager(_world: World): SecretManagerService {
  return {
    name: "secretmanager",
    errors: "modern",
    routes: [],
    prefixes: /^\/v1\/projects\/[^/]+\/(locations\/[^/]+\/)?secrets/,
    nameUnknown: (method, path) => `secretmanager ${method} ${path}`,
    grpc: () => ({ definition: {}, implementation: {} }),
  };
}
