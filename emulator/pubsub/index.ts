import { ApiError } from "../frame/errors.ts";
import type { GrpcService } from "../frame/grpc.ts";
import type { Service } from "../frame/router.ts";
import type { Doors, World } from "../frame/world.ts";
import { Policies, type Policy } from "./access.ts";
import { PubsubCore, type SavedPubsub } from "./core.ts";
import { grpcServices } from "./grpc.ts";
import { replayRoutes } from "./replay-rest.ts";
import { restRoutes } from "./rest.ts";
import { schemaRoutes } from "./schema-rest.ts";
import type { Schema } from "./schemas.ts";

export interface PubsubService extends Service {
  publish: Doors["publish"];
  grpc(): GrpcService[];
  /** What Eventarc builds on. */
  core: PubsubCore;
}

interface Saved extends SavedPubsub {
  policies: [string, Policy][];
  schemas?: Schema[];
}

const VERBS: Record<string, string> = { GET: "get", PUT: "create", POST: "create", PATCH: "patch", DELETE: "delete" };

/** The discovery document's name of a method that is not served: `pubsub.projects.schemas.validate`. */
function nameUnknown(method: string, path: string): string {
  const [, collection = "", id, inner] = /^\/v1\/projects\/[^/]+\/(\w+)(?:\/([^/]+))?(?:\/(\w+))?/.exec(path) ?? [];
  const verb = /:(\w+)$/.exec(path)?.[1];
  if (inner) return `pubsub.projects.${collection}.${inner}.list`;
  return `pubsub.projects.${collection}.${verb ?? (method === "GET" && id === undefined ? "list" : (VERBS[method] ?? method))}`;
}

export function createPubsub(world: World): PubsubService {
  const core = new PubsubCore(world);
  const policies = new Policies(world.ids);
  return {
    name: "pubsub",
    errors: "modern",
    routes: [...restRoutes(world, core, policies), ...replayRoutes(world, core), ...schemaRoutes(world, core)],
    prefixes: /^\/v1\/projects\/[^/]+\/(topics|subscriptions|snapshots|schemas)/,
    nameUnknown,
    core,
    publish: (topic, message) => {
      try {
        core.publish(topic, [message]);
        return true;
      } catch (problem) {
        if (problem instanceof ApiError && problem.code === 404) return false;
        throw problem;
      }
    },
    grpc: () => grpcServices(world, core, policies),
    save: (): Saved => ({ ...core.save(), policies: policies.save(), schemas: core.schemas.save() }),
    load: (state) => {
      const saved = state as Saved;
      core.load(saved);
      policies.load(saved.policies);
      core.schemas.load(saved.schemas);
    },
    close: () => core.close(),
  };
}
