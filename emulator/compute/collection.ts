import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { Monitored } from "./audit.ts";
import type { Cloud } from "./cloud.ts";
import { errors } from "./errors.ts";
import { checkScope } from "./geography.ts";
import { LIST_QUERY, list } from "./listing.ts";
import { type Mutation, mutation, projectOf, read, scopeOf } from "./method.ts";
import { pathOf, type Ref, type Scope, scopePath } from "./names.ts";

interface Stored {
  project: string;
  scope: Scope;
  id: string;
  name: string;
  created: number;
}

export interface Parts<T extends Stored> {
  /** In the ids of methods: `regionHealthChecks`. */
  service: string;
  /** In the names of permissions, where that is another: the region's autoscalers ask for those of `autoscalers`. */
  permissions?: string;
  /** `global`, `zones/{zone}` or `regions/{region}`. */
  where: string;
  /** In paths: `healthChecks`. */
  name: string;
  /** The resource's own name in the path of one: `healthCheck`. */
  param: string;
  /** Of a list: `compute#healthCheckList`. */
  kind: string;
  stored: Map<string, T>;
  render(item: T, origin: string): Record<string, unknown>;
  monitored(target: Ref, id: string): Monitored;
  /** Query parameters of get and list beside the usual ones. */
  query?: string[];
}

/** What is kept under one path of Compute, in one kind of scope, and the methods that are the same for all of those. */
export interface Collection<T extends Stored> {
  /** `/compute/v1/projects/{project}/global/healthChecks` */
  path: string;
  /** The same, and the name of one. */
  one: string;
  permission(verb: string): string;
  /** What a call is about, by its path; `name` for what is named elsewhere. */
  ref(call: Call, name?: string): Ref;
  /** Throws 404. */
  existing(target: Ref): T;
  /** Those of the call's project and scope, as a list. */
  all(call: Call, kind: string): Record<string, unknown>;
  /** A method that changes one. */
  on(verb: string, rest: Pick<Mutation, "method" | "path" | "apply"> & Partial<Mutation>): Route;
  get(): Route;
  list(): Route;
}

/** Verbs whose permission is called otherwise. */
const PERMISSIONS: Readonly<Record<string, string>> = { insert: "create", patch: "update" };

export function collection<T extends Stored>(cloud: Cloud, parts: Parts<T>): Collection<T> {
  const { service, where, name: inPath, param, stored, render, query = [] } = parts;
  const path = `/compute/v1/projects/{project}/${where}/${inPath}`;
  const one = `${path}/{${param}}`;
  const permission = (verb: string) => `compute.${parts.permissions ?? service}.${PERMISSIONS[verb] ?? verb}`;
  const ref = (call: Call, name = call.params[param] ?? ""): Ref => ({
    project: projectOf(cloud, call),
    scope: scopeOf(call),
    collection: inPath,
    name,
  });
  const existing = (target: Ref): T => {
    checkScope(target.project, target.scope);
    const found = stored.get(pathOf(target));
    if (!found) throw errors.notFound(pathOf(target));
    return found;
  };
  const all = (call: Call, kind: string) => {
    const project = projectOf(cloud, call);
    const scope = scopeOf(call);
    checkScope(project, scope);
    const items = [...stored.values()]
      .filter((item) => item.project === project && scopePath(item.scope) === scopePath(scope))
      .map((item) => ({ name: item.name, created: item.created, json: render(item, call.origin) }));
    return list(call, kind, `projects/${project}/${scopePath(scope)}/${inPath}`, items);
  };
  return {
    path,
    one,
    permission,
    ref,
    existing,
    all,
    on: (verb, rest) =>
      mutation(cloud, {
        id: `compute.${service}.${verb}`,
        operationType: verb,
        permission: permission(verb),
        target: (call, body) => ref(call, verb === "insert" ? String(body.name ?? "") : undefined),
        monitored: parts.monitored,
        idOf: (key) => stored.get(key)?.id,
        ...rest,
      }),
    get: () =>
      read(cloud, {
        id: `compute.${service}.get`,
        path: one,
        permission: permission("get"),
        query,
        resource: (call) => pathOf(ref(call)),
        run: (call) => render(existing(ref(call)), call.origin),
      }),
    list: () =>
      read(cloud, {
        id: `compute.${service}.list`,
        path,
        permission: permission("list"),
        query: [...LIST_QUERY, ...query],
        resource: (call) => `projects/${projectOf(cloud, call)}`,
        run: (call) => all(call, parts.kind),
      }),
  };
}

/** How audit entries say where something is. */
export function locationOf({ scope }: Ref): string {
  return scope.kind === "global" ? "global" : scope.name;
}
