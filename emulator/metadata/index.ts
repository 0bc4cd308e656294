import type { Route, Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { MetadataServer } from "./server.ts";
import type { InstanceView } from "./tree.ts";

/**
 * The metadata server on the emulator's own port, for programs that run in the project but not on one of its instances:
 * functions, gcloud. `GCE_METADATA_HOST` points there.
 */
export function createMetadata(world: World): Service {
  const server = new MetadataServer(world, functionsView(world));
  const route = (id: string, method: Route["method"], path: string): Route => ({
    id: `metadata.${id}`,
    method,
    path,
    run: (call) => server.answer(call),
  });
  return {
    name: "metadata",
    errors: "legacy",
    routes: [
      route("versions", "GET", "/computeMetadata"),
      route("versions", "GET", "/computeMetadata/"),
      route("get", "GET", "/computeMetadata/{path+}"),
      route("guestAttributes.put", "PUT", "/computeMetadata/{path+}"),
      route("guestAttributes.delete", "DELETE", "/computeMetadata/{path+}"),
    ],
    prefixes: /^\/computeMetadata(\/|$)/,
    nameUnknown: (method, path) => `metadata ${method} ${path}`,
    close: () => server.close(),
  };
}

/** Where functions run there is an instance too, of which only project, region and service account mean anything. */
function functionsView(world: World): InstanceView {
  const region = "us-central1";
  const zone = `${region}-a`;
  const name = "moult-functions";
  return {
    id: "9007199254740993001",
    name,
    zone,
    region,
    hostname: `${name}.${zone}.c.${world.project}.internal`,
    machineType: "e2-small",
    tags: [],
    ip: "127.0.0.1",
    image: "",
    serviceAccount: {
      email: `${name}@${world.project}.iam.gserviceaccount.com`,
      scopes: ["https://www.googleapis.com/auth/cloud-platform"],
    },
    attributes: () => ({}),
    projectAttributes: () => ({}),
    guestAttributes: new Map(),
    createdAt: world.clock.now(),
  };
}
