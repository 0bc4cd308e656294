import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route } from "../frame/router.ts";
import { byId, type World } from "../frame/world.ts";
import { matching } from "./listfilter.ts";
import type { Functions } from "./methods.ts";
import type { Policy } from "./model.ts";
import type { Operations } from "./operations.ts";
import { replacedPolicy, shownPolicy } from "./policies.ts";
import { RUNTIMES } from "./runtimes.ts";
import { readFunction } from "./settings.ts";
import type { Sources } from "./sources.ts";

const PARENT = "/v2/projects/{project}/locations/{location}";
const FUNCTION = `${PARENT}/functions/{function}`;
const MOST = 1000;

export function functionRoutes(world: World, functions: Functions, operations: Operations, sources: Sources): Route[] {
  const parentOf = ({ params }: Call) => byId(world, `projects/${params.project}/locations/${params.location}`);
  const nameOf = (call: Call) => `${parentOf(call)}/functions/${call.params.function}`;

  function allow(call: Call, permission: string, name: string): void {
    const full = `cloudfunctions.${permission}`;
    if (!world.doors.allowed(world.doors.principal(call.headers), full, name)) {
      throw new ApiError(403, `Permission '${full}' denied on resource '${name}' (or resource may not exist).`);
    }
  }

  /** A page of a list under its field. */
  function listed<T>(call: Call, field: string, all: T[], key: (item: T) => string): Answer {
    const size = Number(call.query.get("pageSize") ?? 0);
    const token = call.query.get("pageToken") ?? undefined;
    const { items, nextPageToken } = page(all, key, size, token, MOST);
    return { json: { ...(items.length > 0 && { [field]: items }), ...(nextPageToken && { nextPageToken }) } };
  }

  const method = (id: string, verb: Route["method"], path: string, run: Route["run"], coverage?: "partly"): Route => ({
    id: `cloudfunctions.projects.locations.${id}`,
    method: verb,
    path,
    run,
    ...(coverage && { coverage }),
  });

  const policies = (version: "v1" | "v2"): Route[] => {
    const path = `/${version}/projects/{project}/locations/{location}/functions/{function}`;
    return [
      ...(["GET", "POST"] as const).map((verb) =>
        method("functions.getIamPolicy", verb, `${path}:getIamPolicy`, (call) => {
          allow(call, "functions.getIamPolicy", nameOf(call));
          return { json: shownPolicy(functions.find(nameOf(call)).functionPolicy ?? {}) };
        }),
      ),
      method("functions.setIamPolicy", "POST", `${path}:setIamPolicy`, (call) => {
        allow(call, "functions.setIamPolicy", nameOf(call));
        const kept = functions.find(nameOf(call));
        kept.functionPolicy = replacedPolicy(kept.functionPolicy ?? {}, call.json<{ policy?: Policy }>());
        world.changed();
        return { json: shownPolicy(kept.functionPolicy) };
      }),
      method("functions.testIamPermissions", "POST", `${path}:testIamPermissions`, (call) => {
        const { permissions = [] } = call.json<{ permissions?: string[] }>();
        const principal = world.doors.principal(call.headers);
        const held = permissions.filter((one) => world.doors.allowed(principal, one, nameOf(call)));
        return { json: held.length > 0 ? { permissions: held } : {} };
      }),
    ];
  };

  return [
    method(
      "functions.create",
      "POST",
      `${PARENT}/functions`,
      (call) => {
        const parent = parentOf(call);
        const given = readFunction(call.json(), world.loose);
        const id =
          call.query.get("functionId") ||
          String(given.name ?? "")
            .split("/")
            .at(-1) ||
          "";
        allow(call, "functions.create", `${parent}/functions/${id}`);
        return { json: functions.create(parent, id, given, call.json()) };
      },
      "partly",
    ),
    method("functions.get", "GET", FUNCTION, (call) => {
      allow(call, "functions.get", nameOf(call));
      return { json: functions.find(nameOf(call)).shown };
    }),
    method("functions.list", "GET", `${PARENT}/functions`, (call) => {
      allow(call, "functions.list", parentOf(call));
      const wanted = matching(call.query.get("filter") ?? "");
      const order = call.query.get("orderBy") ?? "";
      const all = functions.in(parentOf(call)).filter((one) => wanted(one));
      if (!/^(name( asc| desc)?)?$/.test(order)) throw new ApiError(501, `order_by ${order} is not emulated`);
      return listed(call, "functions", order.endsWith("desc") ? all.reverse() : all, ({ name }) => name);
    }),
    method(
      "functions.patch",
      "PATCH",
      FUNCTION,
      (call) => {
        allow(call, "functions.update", nameOf(call));
        const given = readFunction(call.json(), world.loose);
        return { json: functions.update(nameOf(call), given, call.query.get("updateMask") ?? "", call.json()) };
      },
      "partly",
    ),
    method("functions.delete", "DELETE", FUNCTION, (call) => {
      allow(call, "functions.delete", nameOf(call));
      return { json: functions.delete(nameOf(call)) };
    }),
    method("functions.generateUploadUrl", "POST", `${PARENT}/functions:generateUploadUrl`, (call) => {
      allow(call, "functions.sourceCodeSet", parentOf(call));
      if (call.json().kmsKeyName) throw new ApiError(501, "the field kms_key_name is not emulated");
      return { json: sources.slot(call.params.location ?? "") };
    }),
    method("functions.generateDownloadUrl", "POST", `${FUNCTION}:generateDownloadUrl`, (call) => {
      allow(call, "functions.sourceCodeGet", nameOf(call));
      return { json: { downloadUrl: functions.downloadUrl(nameOf(call)) } };
    }),
    ...policies("v2"),
    // Where Google's clients look for them, whatever the version of the rest.
    ...policies("v1"),
    method("runtimes.list", "GET", `${PARENT}/runtimes`, (call) => {
      allow(call, "runtimes.list", parentOf(call));
      const wanted = matching(call.query.get("filter") ?? "");
      return { json: { runtimes: RUNTIMES.filter((one) => wanted(one)) } };
    }),
    method("operations.get", "GET", `${PARENT}/operations/{operation}`, (call) => {
      const name = `${parentOf(call)}/operations/${call.params.operation}`;
      allow(call, "operations.get", name);
      const found = operations.get(name);
      if (!found) throw new ApiError(404, `Resource '${name}' was not found`);
      return { json: found };
    }),
    method("operations.list", "GET", `${PARENT}/operations`, (call) => {
      allow(call, "operations.list", parentOf(call));
      if (call.query.get("filter")) throw new ApiError(501, "the field filter is not emulated");
      return listed(call, "operations", operations.in(parentOf(call)).reverse(), ({ name }) => name);
    }),
  ];
}
