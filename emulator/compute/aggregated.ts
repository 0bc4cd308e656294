import type { Route } from "../frame/router.ts";
import type { Cloud } from "./cloud.ts";
import { AGGREGATED_QUERY, aggregated } from "./listing.ts";
import { projectOf, read } from "./method.ts";
import type { Scope } from "./names.ts";

interface Scoped {
  name: string;
  project: string;
  created: number;
  scope: Scope;
}

/** A collection over all its scopes: `…/aggregated/instanceTemplates`. */
export function aggregatedRoute<T extends Scoped>(
  cloud: Cloud,
  parts: {
    collection: string;
    kind: string;
    scopes: Scope[];
    all(): Iterable<T>;
    render(item: T, origin: string): Record<string, unknown>;
  },
): Route {
  const { collection, kind, scopes } = parts;
  return read(cloud, {
    id: `compute.${collection}.aggregatedList`,
    path: `/compute/v1/projects/{project}/aggregated/${collection}`,
    permission: `compute.${collection}.list`,
    query: AGGREGATED_QUERY,
    resource: (call) => `projects/${projectOf(cloud, call)}`,
    run: (call) => {
      const project = projectOf(cloud, call);
      const all = [...parts.all()]
        .filter((item) => item.project === project)
        .map((item) => ({
          name: item.name,
          created: item.created,
          scope: item.scope,
          json: parts.render(item, call.origin),
        }));
      return aggregated(call, { kind, project, collection, scopes, all });
    },
  });
}
