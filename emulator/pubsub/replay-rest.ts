import { type Json, readFields, type Shape } from "../frame/fields.ts";
import type { Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route } from "../frame/router.ts";
import { byId, type World } from "../frame/world.ts";
import { authorize } from "./access.ts";
import type { PubsubCore } from "./core.ts";
import { SEEK, SNAPSHOT } from "./resources.ts";

const MOST_PER_PAGE = 1000;
const PROJECT = "/v1/projects/{project}";
const CREATE_SNAPSHOT: Shape = { subscription: "string", labels: "map" };
const UPDATE_SNAPSHOT: Shape = { snapshot: { one: SNAPSHOT }, updateMask: "string" };

/** Seek and snapshots over REST. */
export function replayRoutes(world: World, core: PubsubCore): Route[] {
  const body = (shape: Shape, call: Call): Json => readFields(shape, call.json(), world.loose);
  const named = ({ params }: Call, collection: string) =>
    byId(world, `projects/${params.project}/${collection}/${params.id ?? ""}`).replace(/\/$/, "");
  const parentOf = ({ params }: Call) => byId(world, `projects/${params.project}/`).slice(0, -1);

  const route = (
    id: string,
    method: Route["method"],
    path: string,
    permission: string,
    run: (name: string, call: Call) => unknown,
  ): Route => {
    const collection = id.split(".")[0] ?? "";
    return {
      id: `pubsub.projects.${id}`,
      method,
      path: `${PROJECT}${path}`,
      run: (call) => {
        const name = named(call, collection);
        authorize(world, call.headers, `pubsub.${permission}`, name);
        return { json: run(name, call) ?? {} };
      },
    };
  };

  const paged = <T>(call: Call, field: string, all: T[], key: (item: T) => string) => {
    const size = Number(call.query.get("pageSize") ?? 0);
    const { items, ...rest } = page(all, key, size, call.query.get("pageToken") ?? undefined, MOST_PER_PAGE);
    return { ...(items.length > 0 && { [field]: items }), ...rest };
  };
  const byName = ({ name }: { name: string }) => name;

  return [
    route("subscriptions.seek", "POST", "/subscriptions/{id}:seek", "subscriptions.consume", (name, call) =>
      core.seek(name, body(SEEK, call)),
    ),
    route("snapshots.create", "PUT", "/snapshots/{id}", "snapshots.create", (name, call) =>
      core.createSnapshot({ ...body(CREATE_SNAPSHOT, call), name }),
    ),
    route("snapshots.get", "GET", "/snapshots/{id}", "snapshots.get", (name) => core.snapshots.get(name)),
    route("snapshots.patch", "PATCH", "/snapshots/{id}", "snapshots.update", (name, call) => {
      const { snapshot, updateMask = "" } = body(UPDATE_SNAPSHOT, call);
      const mask = String(updateMask).split(",").filter(Boolean);
      return core.snapshots.update({ ...(snapshot as Json), name }, mask);
    }),
    route("snapshots.delete", "DELETE", "/snapshots/{id}", "snapshots.delete", (name) => core.snapshots.delete(name)),
    route("snapshots.list", "GET", "/snapshots", "snapshots.list", (_, call) =>
      paged(call, "snapshots", core.listSnapshots(parentOf(call)), byName),
    ),
    route("topics.snapshots.list", "GET", "/topics/{id}/snapshots", "topics.get", (name, call) =>
      paged(call, "snapshots", core.topicSnapshots(name), (one) => one),
    ),
  ];
}
