import type { EventarcService } from "../eventarc/index.ts";
import type { Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { Deployments } from "./deployments.ts";
import type { Verify } from "./invoker.ts";
import { Functions } from "./methods.ts";
import type { Kept } from "./model.ts";
import { type Operation, Operations } from "./operations.ts";
import { functionRoutes } from "./routes.ts";
import { RUN_PATHS, runName, runRoutes } from "./run-routes.ts";
import { sourceRoutes } from "./source-routes.ts";
import { type SavedSources, Sources } from "./sources.ts";
import { Triggers } from "./triggers.ts";

interface Saved {
  functions: Kept[];
  operations: Operation[];
  sources: SavedSources;
}

const FUNCTIONS_PATHS =
  /^\/(v2(alpha|beta)?\/projects\/[^/]+\/locations\/[^/]+\/(functions|runtimes|operations)|v1\/projects\/[^/]+\/locations\/[^/]+\/functions|gcf-v2-(uploads|sources)-)/;

/**
 * Cloud Functions (2nd gen): sources are unpacked and run as processes under the functions framework, each function at a
 * URL of its own, with Cloud Run's read side and Eventarc's trigger behind it.
 */
export function createFunctions(world: World, eventarc: EventarcService, verify: Verify): Service {
  const operations = new Operations(world);
  const sources = new Sources(world);
  const deployments = new Deployments(world, operations, sources, new Triggers(world, eventarc.ofFunctions), verify);
  const functions = new Functions(world, sources, operations, deployments);
  return {
    name: "cloudfunctions",
    errors: "modern",
    routes: [
      ...functionRoutes(world, functions, operations, sources),
      ...sourceRoutes(world, functions, sources),
      ...runRoutes(world, functions),
      {
        id: "emulator.functions",
        method: "GET",
        path: "/emulator/functions",
        run: () => ({
          json: {
            functions: [...functions.kept.values()].map(({ shown }) => ({
              name: shown.name,
              state: shown.state,
              // An event trigger's topic, or what it listens to; a function without one is called by its URL.
              trigger: shown.eventTrigger?.pubsubTopic ?? shown.eventTrigger?.eventType ?? "",
              url: shown.url ?? "",
              message: shown.stateMessages?.[0]?.message ?? "",
              processes: deployments.pids(shown.name),
            })),
            processes: Object.fromEntries([...functions.kept.keys()].map((name) => [name, deployments.pids(name)])),
          },
        }),
      },
      // `gcloud functions list` also asks for 1st gen functions, of which there are none.
      {
        id: "cloudfunctions.projects.locations.functions.list",
        method: "GET",
        path: "/v1/projects/{project}/locations/{location}/functions",
        coverage: "partly",
        run: () => ({ json: {} }),
      },
    ],
    prefixes: new RegExp(`${FUNCTIONS_PATHS.source}|${RUN_PATHS.source}|/defaultServiceAccount$`),
    nameUnknown: (method, path) => {
      if (RUN_PATHS.test(path)) return runName(method, path);
      const verb = /:(\w+)$/.exec(path)?.[1] ?? method;
      return `cloudfunctions.projects.locations.${/\/(functions|runtimes|operations)/.exec(path)?.[1] ?? ""}.${verb}`;
    },
    save: (): Saved => ({
      functions: [...functions.kept.values()],
      operations: operations.save(),
      sources: sources.save(),
    }),
    load: (state) => {
      const saved = state as Saved;
      sources.load(saved.sources);
      operations.load(saved.operations);
      functions.load(saved.functions);
    },
    close: () => deployments.close(),
  };
}
