import { ApiError } from "../frame/errors.ts";
import type { Json } from "../frame/fields.ts";
import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import { byId, type World } from "../frame/world.ts";
import type { Functions } from "./methods.ts";
import type { Kept, Policy } from "./model.ts";
import { replacedPolicy, shownPolicy } from "./policies.ts";
import { knativeService, runService } from "./run-shapes.ts";

/**
 * Cloud Run, as much of it as is behind functions: their services can be read, and who may invoke them is set there.
 * Services are only made by deploying a function.
 */
export function runRoutes(world: World, functions: Functions): Route[] {
  const projectOf = ({ params }: Call) => byId(world, `projects/${params.project}/`).slice("projects/".length, -1);
  const keptOf = (call: Call): Kept =>
    functions.ofService(projectOf(call), call.params.location, call.params.service ?? "");

  function allow(call: Call, permission: string, name: string): void {
    const full = `run.services.${permission}`;
    if (!world.doors.allowed(world.doors.principal(call.headers), full, name)) {
      throw new ApiError(403, `Permission '${full}' denied on resource '${name}' (or resource may not exist).`);
    }
  }
  const nameOf = ({ shown }: Kept) => shown.serviceConfig.service ?? "";
  const all = (project: string, location: string) =>
    functions.in(`projects/${project}/locations/${location}`).filter(({ serviceConfig }) => serviceConfig.revision);

  const policies = (version: "v1" | "v2"): Route[] => {
    const path = `/${version}/projects/{project}/locations/{location}/services/{service}`;
    return [
      {
        id: "run.projects.locations.services.getIamPolicy",
        method: "GET",
        path: `${path}:getIamPolicy`,
        run: (call) => {
          const kept = keptOf(call);
          allow(call, "getIamPolicy", nameOf(kept));
          return { json: shownPolicy(kept.policy) };
        },
      },
      {
        id: "run.projects.locations.services.setIamPolicy",
        method: "POST",
        path: `${path}:setIamPolicy`,
        run: (call) => {
          const kept = keptOf(call);
          allow(call, "setIamPolicy", nameOf(kept));
          kept.policy = replacedPolicy(kept.policy, call.json<{ policy?: Policy }>());
          world.changed();
          return { json: shownPolicy(kept.policy) };
        },
      },
      {
        id: "run.projects.locations.services.testIamPermissions",
        method: "POST",
        path: `${path}:testIamPermissions`,
        run: (call) => {
          const kept = keptOf(call);
          const { permissions = [] } = call.json<{ permissions?: string[] }>();
          const principal = world.doors.principal(call.headers);
          const held = permissions.filter((one) => world.doors.allowed(principal, one, nameOf(kept)));
          return { json: held.length > 0 ? { permissions: held } : {} };
        },
      },
    ];
  };

  const knativeList = (call: Call): Json => {
    const project = projectOf(call);
    allow(call, "list", `projects/${project}`);
    return {
      apiVersion: "serving.knative.dev/v1",
      kind: "ServiceList",
      metadata: { selfLink: `/apis/serving.knative.dev/v1/namespaces/${project}/services` },
      items: all(project, call.params.location ?? "-").map((shown) => knativeService(world, shown)),
    };
  };

  return [
    ...policies("v1"),
    ...policies("v2"),
    {
      id: "run.projects.locations.services.get",
      method: "GET",
      path: "/v2/projects/{project}/locations/{location}/services/{service}",
      coverage: "partly",
      run: (call) => {
        const kept = keptOf(call);
        allow(call, "get", nameOf(kept));
        return { json: runService(world, kept.shown) };
      },
    },
    {
      id: "run.projects.locations.services.list",
      method: "GET",
      path: "/v2/projects/{project}/locations/{location}/services",
      coverage: "partly",
      run: (call) => {
        const project = projectOf(call);
        allow(call, "list", `projects/${project}`);
        const services = all(project, call.params.location ?? "").map((shown) => runService(world, shown));
        return { json: services.length > 0 ? { services } : {} };
      },
    },
    {
      id: "run.namespaces.services.get",
      method: "GET",
      path: "/apis/serving.knative.dev/v1/namespaces/{project}/services/{service}",
      coverage: "partly",
      run: (call) => {
        const kept = keptOf(call);
        allow(call, "get", nameOf(kept));
        return { json: knativeService(world, kept.shown) };
      },
    },
    {
      id: "run.namespaces.services.list",
      method: "GET",
      path: "/apis/serving.knative.dev/v1/namespaces/{project}/services",
      coverage: "partly",
      run: (call) => ({ json: knativeList(call) }),
    },
    {
      id: "run.projects.locations.services.list",
      method: "GET",
      path: "/v1/projects/{project}/locations/{location}/services",
      coverage: "partly",
      run: (call) => ({ json: knativeList(call) }),
    },
    {
      id: "cloudbuild.projects.locations.getDefaultServiceAccount",
      method: "GET",
      path: "/v1/projects/{project}/locations/{location}/defaultServiceAccount",
      run: (call) => {
        const project = projectOf(call);
        return {
          json: {
            name: `projects/${world.projectNumber}/locations/${call.params.location}/defaultServiceAccount`,
            serviceAccountEmail: `projects/${project}/serviceAccounts/${world.projectNumber}-compute@developer.gserviceaccount.com`,
          },
        };
      },
    },
  ];
}

/** What of the paths is Cloud Run's, for methods that are not served. */
export const RUN_PATHS =
  /^\/(v[12]\/projects\/[^/]+\/locations\/[^/]+\/(services|jobs|revisions)|apis\/(serving|run)\.[a-z.]+)(\/|$|:)/;

export function runName(method: string, path: string): string {
  const collection = /\/(services|jobs|revisions|routes|configurations|executions)/.exec(path)?.[1] ?? "";
  const verb = /:(\w+)$/.exec(path)?.[1] ?? method;
  return `run.projects.locations.${collection}.${verb}`;
}
