import type { GrpcService } from "../frame/grpc.ts";
import type { Service } from "../frame/router.ts";
import type { Doors, World } from "../frame/world.ts";

export interface PubsubService extends Service {
  publish: Doors["publish"];
  grpc(): GrpcService[];
}

export function createPubsub(_world: World): PubsubService {
  return {
    name: "pubsub",
    errors: "modern",
    routes: [],
    prefixes: /^\/v1\/projects\/[^/]+\/(topics|subscriptions|snapshots|schemas)/,
    nameUnknown: (method, path) => `pubsub ${method} ${path}`,
    publish: () => false,
    grpc: () => [],
  };
}
